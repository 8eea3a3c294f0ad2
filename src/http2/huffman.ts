/**
 * Bits of each byte's code, and of the end's (RFC 7541, appendix B). The codes follow from them: they count up through the bytes of a
 * length, in order, and go on with the next length.
 * https://www.rfc-editor.org/rfc/rfc7541#appendix-B
 */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];

const LONGEST = 30;
const END = 256;

/** Symbols by their code; `first` is a length's first code, `from` where its symbols begin. */
const symbols: number[] = [];
const first: number[] = [];
const from: number[] = [];

let code = 0;
for (let length = 1; length <= LONGEST; length++) {
  first[length] = code;
  from[length] = symbols.length;
  for (const [symbol, bits] of LENGTHS.entries()) if (bits === length) symbols.push(symbol);
  code = (code + symbols.length - (from[length] ?? 0)) * 2;
}

/** @returns null where the bytes are no such text: the end's code, or padding that is not the end's beginning. */
export function readHuffman(bytes: Uint8Array): string | null {
  let text = '';
  let read = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      read = (read << 1) | ((byte >> bit) & 1);
      length += 1;
      const nth = read - (first[length] ?? 0);
      const place = (from[length] ?? 0) + nth;
      if (nth < 0 || place >= (from[length + 1] ?? symbols.length)) continue;
      const symbol = symbols[place] ?? END;
      if (symbol === END) return null;
      text += String.fromCharCode(symbol);
      read = 0;
      length = 0;
    }
  }
  const isPadding = length < 8 && read === (1 << length) - 1;
  return isPadding ? text : null;
}

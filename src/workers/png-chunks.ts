const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Length, type and checksum around a chunk's data. */
const FRAME_BYTES = 12;

/** Of the header, which is the first chunk: its data begins with the width and the height. */
const [WIDTH_AT, HEIGHT_AT, SIZE_END] = [16, 20, 24];

/** Texts and colour profiles, some of them compressed: a thousand bytes may stand for a million. */
const PASSED_OVER = new Set(['tEXt', 'zTXt', 'iTXt', 'iCCP']);

/**
 * A PNG file without the chunks that say nothing about its pixels here; other files as they are. The decoder would
 * unpack all of them, which takes seconds where somebody put many in.
 * Format: https://www.w3.org/TR/png-3/#5Chunk-layout
 */
export function withoutText(bytes: Uint8Array): Uint8Array {
  if (!isPng(bytes)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [];
  /** Where the run of kept chunks begins that goes up to `at`. */
  let from = 0;
  let at = SIGNATURE.byteLength;
  while (at + FRAME_BYTES <= bytes.byteLength) {
    const end = at + FRAME_BYTES + view.getUint32(at);
    if (PASSED_OVER.has(String.fromCharCode(...bytes.subarray(at + 4, at + 8)))) {
      kept.push(bytes.subarray(from, at));
      // A chunk that is cut short takes the rest of the file with it: the decoder then finds it broken.
      from = Math.min(end, bytes.byteLength);
    }
    at = end;
  }
  return kept.length === 0 ? bytes : Buffer.concat([...kept, bytes.subarray(from)]);
}

/** Pixels of a PNG file's longer side, as its header has it; 0 for other files. Format: https://www.w3.org/TR/png-3/#11IHDR */
export function longerPngSide(bytes: Uint8Array): number {
  if (!isPng(bytes) || bytes.byteLength < SIZE_END) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Math.max(view.getUint32(WIDTH_AT), view.getUint32(HEIGHT_AT));
}

function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, at) => bytes[at] === byte);
}

import { STATIC_NAMES } from './field-table.ts';

/** RFC 7541: `:status` 200 is a field of the static table. */
const STATUS_200 = 0x88;

/** Says that no later block refers to an earlier one; to be said again whenever the other side makes its table smaller. */
export const NO_TABLE = Buffer.from([0x20]);

/** A header block that stands for itself: it refers to no block before it, and so may be sent any number of times. */
export function headerBlock(fields: Iterable<readonly [name: string, value: string]>): Buffer {
  const pieces: Uint8Array[] = [];
  for (const [name, value] of fields) {
    if (name === ':status' && value === '200') {
      pieces.push(Buffer.from([STATUS_200]));
      continue;
    }
    const number = STATIC_NAMES.get(name);
    pieces.push(
      number === undefined ? Buffer.from([0]) : numberBytes(number, 4),
      ...(number === undefined ? [text(name)] : []),
      text(value),
    );
  }
  return Buffer.concat(pieces);
}

function text(of: string): Buffer {
  const bytes = Buffer.from(of, 'latin1');
  return Buffer.concat([numberBytes(bytes.byteLength, 7), bytes]);
}

/** RFC 7541, 5.1. @param bits that the first byte has for it; the others are 0. */
function numberBytes(number: number, bits: number): Buffer {
  const most = (1 << bits) - 1;
  if (number < most) return Buffer.from([number]);
  const bytes = [most];
  let rest = number - most;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

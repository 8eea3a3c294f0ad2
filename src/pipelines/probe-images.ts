import { crc32, deflateSync } from 'node:zlib';

/** Pictures for a model without golden samples: smooth, noisy, tall and wide ones, always the same. */
export function probeImages(): Uint8Array[] {
  return [
    encodePng(64, 64, (x, y) => [x * 4, y * 4, 128]),
    encodePng(300, 200, (x, y) => [x ^ y, x * y, x + y]),
    encodePng(40, 160, (x, y) => [((x * 7919) ^ (y * 104_729)) >> 3, y, 255 - x]),
    encodePng(256, 256, (x, y) => [((x >> 4) + (y >> 4)) % 2 === 0 ? 255 : 0, 90, x]),
  ];
}

type Colour = (x: number, y: number) => readonly [number, number, number];

/** An 8-bit RGB PNG without filters. Format: https://www.w3.org/TR/png-3/ */
function encodePng(width: number, height: number, colour: Colour): Uint8Array {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (1 + width * 3) + 1 + x * 3;
      for (const [channel, value] of colour(x, y).entries()) rows[at + channel] = value & 255;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits, RGB; compression, filter and interlace methods 0.
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...chunks]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.byteLength);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

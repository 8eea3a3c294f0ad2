import { readdirSync, readFileSync } from 'node:fs';
import type { ErrorCode } from '../src/errors.ts';
import { pngChunk, pngFile, pngOfSize } from '../tests/fixtures/png-file.ts';
import type { Random } from './random.ts';

/** A file that somebody might send to do harm, or by mistake. */
export interface HostileFile {
  readonly name: string;
  readonly bytes: Buffer;
  /** The documented codes that it may be answered with. */
  readonly codes: readonly ErrorCode[];
  /** Whether 200 is right too: damage that leaves a whole file, whose pixels are as good as any. */
  readonly mayServe: boolean;
}

/** What the damage of a few bytes can come to: a broken file, another format, another size. */
const ANY_DAMAGE: readonly ErrorCode[] = [
  'SERVAL_IMAGE_BROKEN',
  'SERVAL_IMAGE_FORMAT',
  'SERVAL_IMAGE_PIXELS',
  'SERVAL_IMAGE_SHAPE',
];

type Maker = (random: Random, victim: Victim) => Omit<HostileFile, 'name'> & { readonly what: string };

interface Victim {
  readonly file: string;
  readonly bytes: Buffer;
}

/** Hostile files made of the photographs in `folder`, the same for the same random numbers. */
export function hostileFiles(count: number, folder: string, random: Random): HostileFile[] {
  const victims = readdirSync(folder)
    .filter((file) => /\.(jpg|png|webp)$/.test(file))
    .sort()
    .map((file) => ({ file, bytes: readFileSync(`${folder}/${file}`) }))
    // The 12-MP photograph would make the run long and show nothing more.
    .filter(({ bytes }) => bytes.byteLength < 600_000);
  return Array.from({ length: count }, (_, at) => {
    const maker = MAKERS[at % MAKERS.length] ?? truncated;
    const victim = random.pick(victims);
    const { what, ...file } = maker(random, victim);
    return { name: `${at} ${what}`, ...file };
  });
}

const truncated: Maker = (random, { file, bytes }) => {
  const length = random.whole(13, Math.floor(bytes.byteLength * 0.9));
  return {
    what: `${file} cut to ${length} of ${bytes.byteLength} bytes`,
    bytes: bytes.subarray(0, length),
    codes: ['SERVAL_IMAGE_BROKEN'],
    mayServe: false,
  };
};

const flipped: Maker = (random, { file, bytes }) => {
  const damaged = Buffer.from(bytes);
  const count = random.whole(1, 40);
  for (let k = 0; k < count; k++) {
    const at = random.whole(0, damaged.byteLength - 1);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << random.whole(0, 7));
  }
  return { what: `${file} with ${count} bits flipped`, bytes: damaged, codes: ANY_DAMAGE, mayServe: true };
};

/** Damage where it steers the decoder: the first 200 bytes. */
const headerFlipped: Maker = (random, { file, bytes }) => {
  const damaged = Buffer.from(bytes);
  const count = random.whole(1, 6);
  for (let k = 0; k < count; k++) {
    damaged[random.whole(0, Math.min(200, damaged.byteLength) - 1)] = random.whole(0, 255);
  }
  return {
    what: `${file} with ${count} bytes of its header changed`,
    bytes: damaged,
    codes: ANY_DAMAGE,
    mayServe: true,
  };
};

const FOREIGN: readonly (readonly [name: string, head: string])[] = [
  ['text', 'This is not a picture.\n'],
  ['SVG', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'],
  ['HTML', '<!doctype html><script>alert(1)</script>'],
  [
    'GIF',
    'GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;',
  ],
  ['TIFF', 'II*\x00\x08\x00\x00\x00\x00\x00'],
  ['HEIF', '\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic'],
  ['AVIF', '\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif'],
  ['PDF', '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj'],
  ['BMP', 'BM\x3a\x00\x00\x00\x00\x00\x00\x006\x00\x00\x00'],
  ['ZIP', 'PK\x03\x04\x14\x00\x00\x00'],
  ['WAVE', 'RIFF\x24\x00\x00\x00WAVEfmt '],
  ['ELF', '\x7fELF\x02\x01\x01\x00'],
];

const foreign: Maker = (random) => {
  const [what, head] = random.pick(FOREIGN);
  const rest = Buffer.from(Array.from({ length: random.whole(0, 2_000) }, () => random.whole(0, 255)));
  const bytes = Buffer.concat([Buffer.from(head, 'latin1'), rest]);
  return { what: `${what} named .jpg`, bytes, codes: ['SERVAL_IMAGE_FORMAT'], mayServe: false };
};

/** The magic of a format before something else: the decoder itself is tried. */
const masked: Maker = (random, { bytes }) => {
  const magic = random.pick(['\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'RIFF\x10\x00\x00\x00WEBP']);
  const noise = Buffer.from(Array.from({ length: random.whole(0, 4_000) }, () => random.whole(0, 255)));
  const rest = random.whole(0, 1) === 0 ? noise : bytes.subarray(random.whole(16, 400));
  const what = `${JSON.stringify(magic.slice(0, 4))} before something else`;
  return { what, bytes: Buffer.concat([Buffer.from(magic, 'latin1'), rest]), codes: ANY_DAMAGE, mayServe: false };
};

/** Small files that would be large pictures. */
const bomb: Maker = (random, { bytes }) => {
  const [what, file, code] = random.pick([
    ['PNG of 256 MP', pngOfSize(16_000, 16_000), 'SERVAL_IMAGE_PIXELS'],
    ['PNG of 4 × 10¹⁸ pixels', pngOfSize(2 ** 31 - 1, 2 ** 31 - 1), 'SERVAL_IMAGE_BROKEN'],
    ['PNG of 25 MP that holds nothing', pngOfSize(5_000, 5_000), 'SERVAL_IMAGE_BROKEN'],
    ['WebP of 268 MP', webpOfSize(16_383, 16_383), 'SERVAL_IMAGE_PIXELS'],
    ['WebP of 25 MP that holds nothing', webpOfSize(5_000, 5_000), 'SERVAL_IMAGE_BROKEN'],
    ['PNG of 100,000 × 1', pngFile({ width: 100_000, height: 1 }), 'SERVAL_IMAGE_SHAPE'],
    ['PNG of 1 × 100,000', pngFile({ width: 1, height: 100_000 }), 'SERVAL_IMAGE_SHAPE'],
    ['PNG of 40,000 × 2', pngFile({ width: 40_000, height: 2 }), 'SERVAL_IMAGE_SHAPE'],
    ['PNG of 0 × 0', pngOfSize(0, 0), 'SERVAL_IMAGE_BROKEN'],
    ['an empty file', Buffer.alloc(0), 'SERVAL_EMPTY_INPUT'],
  ] as const);
  const jpeg = random.whole(0, 3) === 0 ? jpegOfSize(bytes, 5_000, 5_000) : null;
  // It has an end, so the decoders (Pillow's too) take what is missing for grey.
  if (jpeg !== null) return { what: 'JPEG that says it has 25 MP', bytes: jpeg, codes: ANY_DAMAGE, mayServe: true };
  return { what, bytes: file, codes: [code], mayServe: false };
};

/** Odd, but whole: these are served. */
const odd: Maker = (random) => {
  const width = random.whole(1, 80);
  const height = random.whole(1, 80);
  const text = pngChunk('tEXt', Buffer.concat([Buffer.from('Comment\0'), Buffer.alloc(random.whole(0, 500_000), 'x')]));
  const [what, bytes] = random.pick([
    ['a PNG with a long text in it', pngFile({ width, height, chunks: [text] })],
    ['a transparent PNG', pngFile({ width, height, channels: 4 })],
    ['a PNG of one pixel', pngFile({ width: 1, height: 1 })],
    ['a PNG with bytes after its end', Buffer.concat([pngFile({ width, height }), Buffer.alloc(1_000, 'x')])],
  ] as const);
  return { what, bytes, codes: [], mayServe: true };
};

const MAKERS: readonly Maker[] = [truncated, flipped, foreign, bomb, headerFlipped, masked, odd];

/** A lossless WebP that says its size and ends. Format: https://developers.google.com/speed/webp/docs/webp_lossless_bitstream_specification */
function webpOfSize(width: number, height: number): Buffer {
  const data = Buffer.alloc(12);
  data[0] = 0x2f;
  data.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 1);
  const head = Buffer.alloc(20);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(4 + 8 + data.byteLength, 4);
  head.write('WEBPVP8L', 8, 'latin1');
  head.writeUInt32LE(data.byteLength, 16);
  return Buffer.concat([head, data]);
}

/** The JPEG with another size in its frame header; null where the file is none. */
function jpegOfSize(bytes: Buffer, width: number, height: number): Buffer | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  for (let at = 2; at + 9 < bytes.byteLength && bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
    // SOF0 to SOF2: baseline, extended, progressive.
    if (![0xc0, 0xc1, 0xc2].includes(bytes[at + 1] ?? 0)) continue;
    const grown = Buffer.from(bytes);
    grown.writeUInt16BE(height, at + 5);
    grown.writeUInt16BE(width, at + 7);
    return grown;
  }
  return null;
}

import { beforeAll, describe, expect, test } from 'vitest';
import type { ImageInput } from '../../src/repository/manifest.ts';
import { ImageProcessor } from '../../src/workers/image-processor.ts';
import { greyInput, plainInput } from '../fixtures/image-input.ts';
import { type FormatCase, formatCases, formatFile, noise, resizeCases } from '../fixtures/pillow-images.ts';
import { pngFile, pngOfSize } from '../fixtures/png-file.ts';

const MAX_PIXELS = 1_000_000;

async function valuesOf(bytes: Uint8Array, input: ImageInput): Promise<Float32Array> {
  return (await new ImageProcessor(input, MAX_PIXELS).prepare(bytes)).tensor;
}

/** Number of values that differ from the bytes. */
function differences(values: Float32Array, expected: Uint8Array): number {
  expect(values).toHaveLength(expected.length);
  return values.reduce((count, value, at) => (value === expected[at] ? count : count + 1), 0);
}

describe('every encoding becomes the pixels that Pillow makes of it', () => {
  const cases = formatCases();

  test.for(cases)('$file', async ({ bytes, rgb, width, height }: FormatCase) => {
    expect(differences(await valuesOf(bytes, plainInput({ width, height })), rgb)).toBe(0);
  });

  test.for(cases)('$file, for a model of one channel', async ({ bytes, grey, width, height }) => {
    expect(differences(await valuesOf(bytes, greyInput({ width, height })), grey)).toBe(0);
  });
});

describe('preprocessing', () => {
  const size = { width: 20, height: 15 };
  const source = pngFile({ width: 40, height: 30, pixels: noise(40, 30).data });

  test('resizes to height and width with Pillow’s filter', async () => {
    const bicubic = resizeCases().find(({ size: [width], resample }) => width === 20 && resample === 3);
    const values = await valuesOf(source, plainInput(size, { resize: { kind: 'exact', ...size }, resample: 3 }));
    expect(differences(values, bicubic?.expected ?? new Uint8Array())).toBe(0);
  });

  test('of the shorter side, the longer one follows and is cut to a whole number', async () => {
    // 40 × 30 to 15 on the shorter side gives 20 × 15, of which the crop keeps the middle.
    const whole = await valuesOf(source, plainInput(size, { resize: { kind: 'exact', ...size } }));
    const cropped = await valuesOf(
      source,
      plainInput({ width: 11, height: 15 }, { resize: { kind: 'shortest_edge', edge: 15 } }),
    );
    const left = Math.floor((20 - 11) / 2);
    const middle = Array.from({ length: 15 }, (_, y) => [
      ...whole.subarray((y * 20 + left) * 3, (y * 20 + left + 11) * 3),
    ]);
    expect([...cropped]).toEqual(middle.flat());
  });

  test('a crop larger than the picture is black around it', async () => {
    const white = pngFile({ width: 1, height: 2, pixels: new Uint8Array(6).fill(255) });
    const values = await valuesOf(white, plainInput({ width: 4, height: 3 }, { channels: 1, mean: [0], std: [1] }));
    // As Hugging Face does: of three missing columns two go to the left, the one missing row goes above.
    expect([...values]).toEqual([0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 255, 0]);
  });

  test('a value is (byte × factor − mean) / std of its channel', async () => {
    const pixel = pngFile({ width: 1, height: 1, pixels: Uint8Array.of(255, 51, 0) });
    const changes = { rescaleFactor: 1 / 255, mean: [0.5, 0.2, 0.1], std: [0.5, 0.1, 0.2] };
    const values = await valuesOf(pixel, plainInput({ width: 1, height: 1 }, changes));
    expect(values[0]).toBeCloseTo(1, 6);
    expect(values[1]).toBeCloseTo(0, 6);
    expect(values[2]).toBeCloseTo(-0.5, 6);
  });

  test('NCHW has one plane a channel, NHWC one pixel after another', async () => {
    const pixels = pngFile({ width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    const wanted = { width: 2, height: 1 };
    expect([...(await valuesOf(pixels, plainInput(wanted, { layout: 'nhwc' })))]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(await valuesOf(pixels, plainInput(wanted, { layout: 'nchw' })))]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  test('tells the pixels of the file, not of the tensor', async () => {
    const input = plainInput({ width: 2, height: 2 }, { resize: { kind: 'exact', width: 2, height: 2 } });
    expect((await new ImageProcessor(input, MAX_PIXELS).prepare(source)).pixels).toBe(1200);
  });
});

describe('a file that is not usable is its sender’s fault', () => {
  const size = { width: 224, height: 224 };
  const processor = new ImageProcessor(plainInput(size, { resize: { kind: 'shortest_edge', edge: 256 } }), MAX_PIXELS);
  let codes: Record<string, unknown>;

  beforeAll(async () => {
    const jpeg = formatFile('half-chroma.jpg');
    const png = formatFile('rgb.png');
    const webp = formatFile('lossy.webp');
    const files: Record<string, Uint8Array> = {
      'JPEG cut in the middle': jpeg.subarray(0, jpeg.length - 100),
      'JPEG cut in its header': jpeg.subarray(0, 30),
      'progressive JPEG cut short': formatFile('progressive.jpg').subarray(0, -60),
      'PNG cut in the middle': png.subarray(0, png.length - 60),
      'PNG signature alone': png.subarray(0, 8),
      'WebP cut in the middle': webp.subarray(0, webp.length - 60),
      'WebP cut in its header': webp.subarray(0, 20),
      'PNG of no width': pngOfSize(0, 20),
      'PNG of no height': pngOfSize(20, 0),
      'more pixels than allowed': pngOfSize(16_000, 16_000),
      'long and thin': pngFile({ width: 60_000, height: 1 }),
      'longer than any photograph': pngFile({ width: 1, height: 100_000 }),
    };
    codes = {};
    for (const [name, bytes] of Object.entries(files)) {
      codes[name] = await processor.prepare(bytes).then(
        () => 'none',
        (error) => error.code,
      );
    }
  });

  test.for([
    'JPEG cut in the middle',
    'JPEG cut in its header',
    'progressive JPEG cut short',
    'PNG cut in the middle',
    'PNG signature alone',
    'WebP cut in the middle',
    'WebP cut in its header',
    'PNG of no width',
    'PNG of no height',
  ])('%s cannot be decoded', (name) => {
    expect(codes[name]).toBe('SERVAL_IMAGE_BROKEN');
  });

  test('more pixels than allowed', () => {
    expect(codes['more pixels than allowed']).toBe('SERVAL_IMAGE_PIXELS');
  });

  test.for(['long and thin', 'longer than any photograph'])('%s', (name) => {
    expect(codes[name]).toBe('SERVAL_IMAGE_SHAPE');
  });
});

test('a decoded picture’s memory is given back before the next one is decoded', async () => {
  const processor = new ImageProcessor(plainInput({ width: 8, height: 8 }), 4_000_000);
  const file = pngFile({ width: 2_000, height: 2_000, pixels: new Uint8Array(12_000_000) });
  await processor.prepare(file);
  const before = process.memoryUsage().external;
  for (let k = 0; k < 5; k++) await processor.prepare(file);
  expect(process.memoryUsage().external - before).toBeLessThan(12_000_000);
});

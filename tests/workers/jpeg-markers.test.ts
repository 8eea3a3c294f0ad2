import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { ImageProcessor } from '../../src/workers/image-processor.ts';
import { readJpegMarkers } from '../../src/workers/jpeg-markers.ts';
import { plainInput } from '../fixtures/image-input.ts';
import { withManyScans } from '../fixtures/jpeg-scans.ts';
import { formatFile } from '../fixtures/pillow-images.ts';

const countJpegScans = (bytes: Uint8Array) => readJpegMarkers(bytes).scans;
const size = { width: 64, height: 64 };

function grey(progressive: boolean): Promise<Buffer> {
  return sharp({ create: { ...size, channels: 3, background: '#777' } })
    .jpeg({ progressive, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

const sharpAs = (channels: 'cmyk' | 'b-w' | 'srgb') =>
  sharp({ create: { ...size, channels: 3, background: '#777' } })
    .toColourspace(channels)
    .jpeg()
    .toBuffer();

const prepare = (bytes: Uint8Array) => new ImageProcessor(plainInput(size), 1e6).prepare(bytes);

describe('the scans of a JPEG', () => {
  test('are one of a baseline file, some of a progressive one', async () => {
    expect(countJpegScans(await grey(false))).toBe(1);
    expect(countJpegScans(formatFile('full-chroma.jpg'))).toBe(1);
    expect(countJpegScans(await grey(true))).toBeGreaterThan(5);
  });

  test('are none of other files', () => {
    expect(countJpegScans(formatFile('rgb.png'))).toBe(0);
    expect(countJpegScans(new Uint8Array())).toBe(0);
  });

  test('are not looked for in segments: a comment may hold the same bytes', () => {
    const jpeg = Buffer.from(formatFile('full-chroma.jpg'));
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, 202]), Buffer.alloc(200, Buffer.from([0xff, 0xda]))]);
    expect(countJpegScans(Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]))).toBe(1);
  });

  test('of a file that is cut short are those that are there', () => {
    for (let length = 0; length < 700; length += 7) {
      expect(countJpegScans(formatFile('full-chroma.jpg').subarray(0, length))).toBeLessThanOrEqual(1);
    }
  });

  test('that are few more are decoded', async () => {
    expect((await prepare(withManyScans(await grey(true), 60))).pixels).toBe(64 * 64);
  });

  test('that are very many are refused, each costs a pass over all pixels', async () => {
    const bytes = withManyScans(await grey(true), 2_600);
    // A file of 25 MP would be as small as that and take 10 s.
    await expect(prepare(bytes)).rejects.toThrow(
      expect.objectContaining({ code: 'SERVAL_IMAGE_BROKEN', details: { scans: 2_601, maxScans: 100 } }),
    );
  });
});

test('the components of a JPEG are those of its first frame', async () => {
  const components = async (jpeg: Promise<Uint8Array>) => readJpegMarkers(await jpeg).components;
  expect(await components(sharpAs('b-w'))).toBe(1);
  expect(await components(sharpAs('srgb'))).toBe(3);
  expect(await components(grey(true))).toBe(3);
  expect(await components(sharpAs('cmyk'))).toBe(4);
  expect(readJpegMarkers((await sharpAs('cmyk')).subarray(0, 20)).components).toBe(0);
  expect(readJpegMarkers(formatFile('rgb.png')).components).toBe(0);
});

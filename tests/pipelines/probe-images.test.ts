import sharp from 'sharp';
import { expect, test } from 'vitest';
import { probeImages } from '../../src/pipelines/probe-images.ts';

test('the probe images are whole PNG files of several shapes', async () => {
  const sizes = await Promise.all(
    probeImages().map(async (bytes) => {
      const { info } = await sharp(bytes, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
      return [info.width, info.height, info.channels];
    }),
  );
  expect(sizes).toEqual([
    [64, 64, 3],
    [300, 200, 3],
    [40, 160, 3],
    [256, 256, 3],
  ]);
});

test('the probe images are no two alike, and the same each time', () => {
  const files = probeImages().map((bytes) => Buffer.from(bytes).toString('base64'));
  expect(new Set(files).size).toBe(files.length);
  expect(probeImages().map((bytes) => Buffer.from(bytes).toString('base64'))).toEqual(files);
});

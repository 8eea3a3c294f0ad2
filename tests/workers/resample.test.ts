import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { type ResampleCode, Resampler } from '../../src/workers/resample.ts';
import { noise, type ResizeCase, resizeCases } from '../fixtures/pillow-images.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function resize(resampler: Resampler, { source, size, resample, crop }: Omit<ResizeCase, 'expected'>): Uint8Array {
  const [left, top, width, height] = crop;
  return resampler.resize(noise(...source), {
    width: size[0],
    height: size[1],
    resample: resample as ResampleCode,
    crop: { left, top, width, height },
  });
}

describe('the resampler gives Pillow’s bytes', () => {
  const cases = resizeCases().filter(({ resample }) => resample !== 0);

  test('with every filter', () => {
    expect([...new Set(cases.map(({ resample }) => resample))]).toEqual([1, 2, 3, 4, 5]);
  });

  test.for(cases)('filter $resample: $source → $size, crop $crop', (resizeCase) => {
    expect(Buffer.compare(resize(new Resampler(), resizeCase), resizeCase.expected)).toBe(0);
  });

  test('whatever it resized before', () => {
    const resampler = new Resampler();
    const wrong = cases.filter(
      (resizeCase) => Buffer.compare(resize(resampler, resizeCase), resizeCase.expected) !== 0,
    );
    expect(wrong).toEqual([]);
  });
});

describe('the resampler’s memory', () => {
  test.for([
    { name: 'tall', source: [1, 65_535] },
    { name: 'wide', source: [65_535, 1] },
  ] as const)('the longest $name picture takes no more than a few MB of it', ({ source }) => {
    const before = process.memoryUsage().arrayBuffers;
    const size = [224, 224] as const;
    const resized = resize(new Resampler(), { source, size, resample: 3, crop: [0, 0, ...size] });
    expect(resized).toHaveLength(224 * 224 * 3);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6);
  });
});

test('resample.wasm is what npm run build:wasm makes of wasm/resample.ts', async () => {
  const built = path.join(await temporaryFolder(), 'resample.wasm');
  const committed = 'src/workers/resample.wasm';
  const [command, ...args] = packageJson.scripts['build:wasm'].replace(committed, built).split(' ');
  expect(args).toContain(built);
  await promisify(execFile)(path.join(ROOT, 'node_modules/.bin', command ?? ''), args, { cwd: ROOT });
  expect(Buffer.compare(await readFile(built), await readFile(path.join(ROOT, committed)))).toBe(0);
});

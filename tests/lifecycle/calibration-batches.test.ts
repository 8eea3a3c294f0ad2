import path from 'node:path';
import { expect, test } from 'vitest';
import { batchBoundsOn, parseConfig } from '../../src/config.ts';
import { calibrationBatches } from '../../src/lifecycle/calibration-batches.ts';
import { sizeOf } from '../../src/scheduler/item.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { readTextModel, writeTextModel } from '../fixtures/text-model.ts';

/** Items and tokens of the batches that a text model is measured with. */
async function shapesOn(provider: 'cpu' | 'cuda'): Promise<{ count: number; tokens: number }[]> {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny/1'));
  const verification = { golden: null, batching: 'invariant', largestBatchMove: 0, seconds: 0 } as const;
  const version = { manifest: await readTextModel(root), verification, pipeline: null };
  const batches = await calibrationBatches(version, batchBoundsOn(provider, parseConfig({})));
  return batches.map((batch) => ({ count: batch.length, tokens: batch.length * Math.max(...batch.map(sizeOf)) }));
}

test('no batch is measured that would never run', async () => {
  for (const { count, tokens } of await shapesOn('cpu')) {
    expect(count).toBeLessThanOrEqual(16);
    expect(tokens).toBeLessThanOrEqual(512);
  }
});

test('batches as wide as CUDA gets are measured there', async () => {
  const shapes = await shapesOn('cuda');
  expect(Math.max(...shapes.map(({ count }) => count))).toBe(128);
  expect(Math.max(...shapes.map(({ tokens }) => tokens))).toBeGreaterThan(4_000);
});

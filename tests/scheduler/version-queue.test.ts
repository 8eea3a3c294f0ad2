import { expect, test } from 'vitest';
import { CostModel, IMAGE_PRIOR } from '../../src/scheduler/cost-model.ts';
import { Job } from '../../src/scheduler/job.ts';
import { VersionQueue } from '../../src/scheduler/version-queue.ts';

const picture = () => ({ kind: 'image', bytes: new Uint8Array(1) }) as const;

/** 400 pictures, of which one was calibrated to take `aloneMs` and two `pairMs`. */
function queueOf(aloneMs: number, pairMs: number): VersionQueue {
  const cost = new CostModel(IMAGE_PRIOR);
  cost.calibrate([
    { count: 1, size: 1, ms: aloneMs },
    { count: 2, size: 1, ms: pairMs },
  ]);
  const queue = new VersionQueue({ key: 'v', maxBatchItems: 2, maxBatchTokens: 512, maxQueueDelayMs: 0, cost });
  for (let rank = 0; rank < 400; rank++) queue.add(new Job(picture(), rank, null));
  return queue;
}

/** Sizes of the next batches, which take `msOf` of their items. */
function run(queue: VersionQueue, count: number, msOf: (items: number) => number): number[] {
  return Array.from({ length: count }, () => {
    const batch = queue.plan(0, true);
    queue.takeBatch(batch);
    queue.cost.observe(batch.length, 1, msOf(batch.length));
    return batch.length;
  });
}

test('batches that save what they were calibrated to are interrupted by one item in 65', () => {
  const sizes = run(queueOf(20, 24), 130, (items) => 16 + 4 * items);
  expect(sizes.filter((size) => size === 1)).toHaveLength(2);
  expect(sizes.indexOf(1)).toBe(64);
});

test('items that cost less alone than those of the calibration are found to do so, and run alone where others want the workers', () => {
  const sizes = run(queueOf(28, 33), 200, (items) => 1 + 16 * items);
  expect(sizes.slice(0, 64)).toEqual(new Array(64).fill(2));
  expect(sizes.at(-1)).toBe(1);
});

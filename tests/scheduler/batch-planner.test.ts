import { expect, test } from 'vitest';
import { holdMsOf, type Plannable, planBatch } from '../../src/scheduler/batch-planner.ts';
import { CostModel, TEXT_PRIOR } from '../../src/scheduler/cost-model.ts';

const cost = new CostModel(TEXT_PRIOR);
const FAR = 1e9;

function items(...sizes: number[]): Plannable[] {
  return sizes.map((size) => ({ size, deadlineAt: FAR }));
}

function sizesOf(batch: readonly Plannable[]): number[] {
  return batch.map(({ size }) => size);
}

function plan(waiting: readonly Plannable[], maxItems = 16, maxTokens = 10_000): Plannable[] {
  return planBatch(waiting, { cost, maxItems, maxTokens, now: 0, contested: true });
}

test('nothing waits: no batch', () => {
  expect(plan([])).toEqual([]);
});

test('the oldest item is always in the batch', () => {
  expect(plan(items(200, 8, 8, 8))[0]?.size).toBe(200);
});

test('items of one length run together', () => {
  expect(plan(items(16, 16, 16, 16))).toHaveLength(4);
});

test('a batch never has more items than are allowed', () => {
  expect(plan(items(...Array.from({ length: 40 }, () => 16)), 8)).toHaveLength(8);
});

test('items near in length to the oldest join it', () => {
  expect(sizesOf(plan(items(20, 19, 60, 21, 5, 20), 4)).sort()).toEqual([19, 20, 20, 21]);
});

test('an item keeps out of a batch where it would be missed more in another', () => {
  expect(sizesOf(plan(items(17, 16, 8, 8, 9, 8)))).toEqual([17, 16]);
});

test('no other cut of what waits, in the order of length, costs less', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const sizes = Array.from({ length: 9 }, (_, k) => 3 + ((seed * 7919 + k * k * 31) % 40));
    const leastMs = Math.min(...cuts([...sizes].sort((a, b) => a - b)).map((cut) => sum(cut.map(counted))));
    let waiting = items(...sizes);
    let plannedMs = 0;
    while (waiting.length > 0) {
      const batch = plan(waiting);
      plannedMs += counted(sizesOf(batch));
      waiting = waiting.filter((item) => !batch.includes(item));
    }
    expect(plannedMs, `sizes ${sizes.join()}`).toBeCloseTo(leastMs, 9);
  }
});

/** The cost of a batch as the planner counts it; infinite where it saves less than 5 %, or 25 % where it takes over 20 ms. */
function counted(batch: readonly number[]): number {
  const handoverMs = 0.4;
  const ms = handoverMs + cost.predict(batch.length, Math.max(...batch));
  const aloneMs = sum(batch.map((size) => handoverMs + cost.predict(1, size)));
  const share = ms > 20 ? 0.75 : 0.95;
  return batch.length > 1 && ms > aloneMs * share ? Number.POSITIVE_INFINITY : ms;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}

/** Every way to cut a row into pieces. */
function cuts(row: readonly number[]): number[][][] {
  if (row.length === 0) return [[]];
  return row.flatMap((_, at) => cuts(row.slice(at + 1)).map((rest) => [row.slice(0, at + 1), ...rest]));
}

test('a short item does not join where padding it to the batch’s length costs more than running it alone', () => {
  expect(sizesOf(plan(items(250, 8)))).toEqual([250]);
});

test('a batch never costs more than its items one by one', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const sizes = Array.from({ length: 64 }, (_, k) => 3 + ((seed * 7919 + k * k * 31) % 250));
    const batch = sizesOf(plan(items(...sizes)));
    const together = cost.predict(batch.length, Math.max(...batch));
    const alone = batch.reduce((sum, size) => sum + cost.predict(1, size), 0);
    expect(together, `sizes ${batch.join()}`).toBeLessThanOrEqual(alone + 1e-9);
  }
});

test('an item whose company would cost another its deadline waits', () => {
  const alone = cost.predict(1, 64);
  const tight = { size: 64, deadlineAt: alone * 1.2 };
  expect(plan([tight, ...items(64, 64)])).toEqual([tight]);
});

test('an item that would come too late in this batch is not taken into it', () => {
  const [head, ...others] = items(64, 64);
  const late = { size: 64, deadlineAt: 0.1 };
  if (head === undefined) throw new Error('two items');
  expect(plan([head, late, ...others])).not.toContain(late);
});

test('the waiting list itself is not changed', () => {
  const waiting = items(20, 60, 5, 21);
  const before = [...waiting];
  plan(waiting);
  expect(waiting).toEqual(before);
});

test('a batch that saves next to nothing runs only while nobody else wants the workers, and only if it is short', () => {
  const pick = (contested: boolean, imageMs = 20) =>
    planBatch(items(1, 1, 1, 1, 1), {
      cost: { predict: (count) => count * imageMs },
      maxItems: 16,
      maxTokens: 512,
      now: 0,
      contested,
    });
  expect(pick(true)).toHaveLength(1);
  expect(pick(false)).toHaveLength(2);
  expect(pick(false, 45)).toHaveLength(1);
});

test('where others want the workers, two images that save a little together run one by one', () => {
  const pick = (contested: boolean) =>
    planBatch(items(1, 1), {
      cost: { predict: (count) => 2 + count * 17 },
      maxItems: 2,
      maxTokens: 512,
      now: 0,
      contested,
    });
  expect(pick(true)).toHaveLength(1);
  expect(pick(false)).toHaveLength(2);
});

test('a batch stays within its tokens, padding included, but one long item runs all the same', () => {
  expect(plan(items(16, 16, 16, 16), 16, 48)).toHaveLength(3);
  expect(sizesOf(plan(items(200, 8), 16, 48))).toEqual([200]);
});

test('only items of the oldest one’s group join it, and an item of no group runs alone', () => {
  const of = (group: string | null): Plannable => ({ size: 16, deadlineAt: FAR, group });
  expect(plan([of('3x4'), of('3x5'), of('3x4'), of(null)]).map(({ group }) => group)).toEqual(['3x4', '3x4']);
  expect(plan([of(null), of(null)])).toHaveLength(1);
});

const HOLD = { cost, maxItems: 16, maxTokens: 512, maxDelayMs: 20, now: 5 };

/** Items that came at 0 ms. */
function arrived(...sizes: number[]) {
  return sizes.map((size) => ({ size, deadlineAt: FAR, arrivedAt: 0 }));
}

test('a batch that others could join may be held for the rest of the delay', () => {
  expect(holdMsOf(arrived(8, 8), HOLD)).toBe(15);
});

test.each([
  ['full of items', { ...HOLD, maxItems: 2 }, arrived(8, 8)],
  ['full of tokens', { ...HOLD, maxTokens: 20 }, arrived(8, 8)],
  ['as old as the delay', { ...HOLD, now: 20 }, arrived(8, 8)],
  [
    'of what saves nothing together',
    { ...HOLD, cost: new CostModel({ base: 0.01, perToken: 1, perTokenPair: 0 }) },
    arrived(8),
  ],
  ['of an item that runs alone', HOLD, arrived(8).map((item) => ({ ...item, group: null }))],
])('a batch %s is not held', (_, options, batch) => {
  expect(holdMsOf(batch, options)).toBe(0);
});

test('a batch is not held beyond what its deadlines leave', () => {
  const [item] = arrived(8);
  const grownMs = cost.predict(2, 8);
  expect(holdMsOf([{ ...item, size: 8, arrivedAt: 0, deadlineAt: 5 + grownMs + 2 }], HOLD)).toBeCloseTo(2, 9);
});

test('where a batch costs little more than an item, as on a GPU, all that may is in it', () => {
  const gpu = { predict: (count: number, size: number) => 3 + 0.0015 * count * size };
  const waiting = items(...Array.from({ length: 128 }, (_, k) => 8 + (k % 40)));
  const batch = planBatch(waiting, { cost: gpu, maxItems: 128, maxTokens: 16_384, now: 0, contested: true });
  expect(batch).toHaveLength(128);
});

import { expect, test } from 'vitest';
import { CostModel, TEXT_PRIOR } from '../../src/scheduler/cost-model.ts';

const SHAPES = [
  [1, 8],
  [1, 32],
  [1, 128],
  [4, 16],
  [8, 24],
  [16, 12],
] as const;

/** Feeds the model batches whose time is known. */
function teach(model: CostModel, time: (count: number, size: number) => number, rounds = 200): void {
  for (let round = 0; round < rounds; round++) {
    for (const [count, size] of SHAPES) model.observe(count, size, time(count, size));
  }
}

test('before anything ran the prior speaks', () => {
  const model = new CostModel({ base: 1, perToken: 0.5, perTokenPair: 0 });
  expect(model.predict(2, 10)).toBeCloseTo(11, 9);
});

test('one batch more costs less than two', () => {
  const model = new CostModel(TEXT_PRIOR);
  expect(model.predict(2, 16)).toBeLessThan(2 * model.predict(1, 16));
});

test('the model learns the machine’s own coefficients', () => {
  const model = new CostModel(TEXT_PRIOR);
  teach(model, (count, size) => 2 + 0.3 * count * size + 0.001 * count * size * size);
  for (const [count, size] of SHAPES) {
    const truth = 2 + 0.3 * count * size + 0.001 * count * size * size;
    expect(Math.abs(model.predict(count, size) / truth - 1)).toBeLessThan(0.05);
  }
});

test('the model forgets a machine that was slower before', () => {
  const model = new CostModel(TEXT_PRIOR);
  teach(model, (count, size) => 10 + count * size);
  teach(model, (count, size) => 1 + 0.1 * count * size, 600);
  expect(model.predict(1, 32) / (1 + 3.2)).toBeCloseTo(1, 1);
});

test('whatever is observed, no coefficient is negative', () => {
  const model = new CostModel(TEXT_PRIOR);
  teach(model, (count, size) => 100 / (count * size));
  expect(Math.min(...Object.values(model.coefficients))).toBeGreaterThanOrEqual(0);
});

test.each([0, -1, Number.NaN])('a batch of %d ms teaches nothing', (ms) => {
  const model = new CostModel(TEXT_PRIOR);
  const before = model.coefficients;
  teach(model, () => ms);
  expect(model.coefficients).toEqual(before);
});

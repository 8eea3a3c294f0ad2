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

test('a calibration replaces the prior, however far off that was', () => {
  const model = new CostModel(TEXT_PRIOR);
  const time = (count: number, size: number) => 20 + 2.5 * count * size + 0.004 * count * size * size;
  model.calibrate(SHAPES.map(([count, size]) => ({ count, size, ms: time(count, size) })));
  expect(model.isCalibrated).toBe(true);
  for (const [count, size] of [...SHAPES, [2, 64] as const]) {
    expect(model.predict(count, size) / time(count, size)).toBeCloseTo(1, 6);
  }
});

test('a calibration with batches of pictures finds what a batch and what a picture costs', () => {
  const model = new CostModel({ base: 0.3, perToken: 12, perTokenPair: 0 });
  model.calibrate([1, 2, 3].map((count) => ({ count, size: 1, ms: 2 + 5 * count })));
  expect(model.predict(1, 1)).toBeCloseTo(7, 6);
  expect(model.predict(8, 1)).toBeCloseTo(42, 6);
});

test('of one shape alone nothing is concluded about batches: they save nothing', () => {
  const model = new CostModel(TEXT_PRIOR);
  model.calibrate([{ count: 1, size: 1, ms: 9 }]);
  expect(model.predict(1, 1)).toBeCloseTo(9, 6);
  expect(model.predict(4, 1)).toBeCloseTo(36, 6);
});

test('a calibration without a usable measurement changes nothing', () => {
  const model = new CostModel(TEXT_PRIOR);
  model.calibrate([{ count: 1, size: 8, ms: Number.NaN }]);
  expect(model.coefficients).toEqual(TEXT_PRIOR);
  expect(model.isCalibrated).toBe(false);
});

test('after a calibration real batches go on teaching', () => {
  const model = new CostModel(TEXT_PRIOR);
  model.calibrate(SHAPES.map(([count, size]) => ({ count, size, ms: 1 + 0.1 * count * size })));
  teach(model, (count, size) => 2 + 0.2 * count * size, 600);
  expect(model.predict(1, 32) / 8.4).toBeCloseTo(1, 1);
});

test('batches of one size for hours keep every prediction finite and positive', () => {
  const model = new CostModel(TEXT_PRIOR);
  for (let at = 0; at < 60_000; at++) model.observe(1 + (at % 4), 8, 0.4 + 0.7 * (1 + (at % 4)));
  expect(model.predict(4, 8)).toBeCloseTo(3.2, 1);
  for (const size of [4, 32, 128, 512]) {
    const ms = model.predict(2, size);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(1_000);
  }
});

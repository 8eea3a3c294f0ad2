import { expect, test } from 'vitest';
import { linearScale, logScale, niceStep } from '../../load-tests/plot-scale.ts';

test('a linear axis has round marks that hold all values', () => {
  const { ticks, place } = linearScale({ domain: [0, 87], range: [400, 0] });
  expect(ticks).toEqual([0, 20, 40, 60, 80, 100]);
  expect(place(0)).toBe(400);
  expect(place(100)).toBe(0);
  expect(place(50)).toBe(200);
});

test('fractions are marked without rounding noise', () => {
  expect(linearScale({ domain: [0, 0.3], range: [0, 1] }).ticks).toEqual([0, 0.1, 0.2, 0.3]);
});

test('equal values still have an axis', () => {
  const { ticks, place } = linearScale({ domain: [5, 5], range: [0, 100] });
  expect(ticks.length).toBeGreaterThan(1);
  expect(Number.isFinite(place(5))).toBe(true);
});

test('a logarithmic axis gives equal ratios equal room', () => {
  const { ticks, place } = logScale({ domain: [1, 64], range: [0, 100] });
  expect(ticks).toEqual([1, 2, 5, 10, 20, 50, 100]);
  expect(place(1)).toBe(0);
  expect(place(10)).toBeCloseTo(50);
  expect(place(100)).toBeCloseTo(100);
});

test('a logarithmic axis over many powers is marked at the powers', () => {
  expect(logScale({ domain: [0.1, 10_000], range: [0, 1] }).ticks).toEqual([0.1, 1, 10, 100, 1_000, 10_000]);
});

test('a logarithmic axis of one value has room, and none for zero', () => {
  expect(Number.isFinite(logScale({ domain: [2, 2], range: [0, 1] }).place(2))).toBe(true);
  expect(() => logScale({ domain: [0, 5], range: [0, 1] })).toThrow('no place for 0');
});

test.each([
  [0.017, 0.02],
  [3, 5],
  [10, 10],
  [70, 100],
])('a step of about %d becomes %d', (rough, step) => {
  expect(niceStep(rough)).toBeCloseTo(step);
});

import { expect, test } from 'vitest';
import { bootstrapInterval, median, percentile } from '../../load-tests/statistics.ts';

test('a percentile is one of the values, by nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(percentile(values, 0)).toBe(1);
  expect(percentile([7], 0.99)).toBe(7);
});

test('nothing has no percentile', () => {
  expect(percentile([], 0.5)).toBeNaN();
  expect(median([])).toBeNaN();
});

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('a bootstrap interval holds the median, lies within the values, and is the same for the same seed', () => {
  const values = [0.98, 1.02, 1.11, 1.07, 1.3];
  const { low, high } = bootstrapInterval(values);
  expect(low).toBeGreaterThanOrEqual(0.98);
  expect(high).toBeLessThanOrEqual(1.3);
  expect(low).toBeLessThan(median(values));
  expect(high).toBeGreaterThan(median(values));
  expect(bootstrapInterval(values)).toEqual({ low, high });
});

test('equal values have an interval of no width', () => {
  expect(bootstrapInterval([2, 2, 2])).toEqual({ low: 2, high: 2 });
});

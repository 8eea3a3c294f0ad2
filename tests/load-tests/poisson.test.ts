import { expect, test } from 'vitest';
import { poissonArrivals } from '../../load-tests/poisson.ts';
import { mean } from '../../load-tests/statistics.ts';

const OPTIONS = { rate: 500, seconds: 20, seed: 3 };

test('the same seed gives the same send times, another seed others', () => {
  expect(poissonArrivals(OPTIONS)).toEqual(poissonArrivals(OPTIONS));
  expect(poissonArrivals({ ...OPTIONS, seed: 4 })).not.toEqual(poissonArrivals(OPTIONS));
});

test('as many requests come as the rate says, within four standard deviations', () => {
  const expected = OPTIONS.rate * OPTIONS.seconds;
  const { length } = poissonArrivals(OPTIONS);
  expect(Math.abs(length - expected)).toBeLessThan(4 * Math.sqrt(expected));
});

test('the gaps are exponential: their standard deviation is their mean', () => {
  const arrivals = poissonArrivals(OPTIONS);
  const gaps = arrivals.map((at, index) => at - (arrivals[index - 1] ?? 0));
  const average = mean(gaps);
  const deviation = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2)));
  expect(average).toBeCloseTo(1000 / OPTIONS.rate, 1);
  expect(deviation / average).toBeCloseTo(1, 1);
});

test('send times ascend and end with the run', () => {
  const arrivals = poissonArrivals(OPTIONS);
  expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b));
  expect(arrivals.at(-1)).toBeLessThan(OPTIONS.seconds * 1000);
});

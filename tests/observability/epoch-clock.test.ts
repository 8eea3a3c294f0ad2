import { afterEach, expect, test, vi } from 'vitest';
import { EpochClock } from '../../src/observability/epoch-clock.ts';

afterEach(() => vi.restoreAllMocks());

test('the process’s clock is told as the time of day', () => {
  expect(Math.abs(new EpochClock().at(performance.now()) - Date.now())).toBeLessThan(60);
});

test('times keep their distance to a fraction of a millisecond', () => {
  const clock = new EpochClock();
  const begun = performance.now();
  expect(clock.at(begun + 0.25) - clock.at(begun)).toBeCloseTo(0.25, 2);
});

test('after the machine was asleep, or its time was set, the time of day is right again', () => {
  const clock = new EpochClock();
  const later = Date.now() + 3_600_000;
  vi.spyOn(Date, 'now').mockReturnValue(later);
  expect(Math.abs(clock.at(performance.now()) - later)).toBeLessThan(60);
});

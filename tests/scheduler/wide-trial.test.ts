import { expect, test } from 'vitest';
import { WideTrial } from '../../src/scheduler/wide-trial.ts';

/** Runs batches that take these shares of what was predicted. @returns how many of the last hundred had all cores. */
function wideOf(trial: WideTrial, batches: number, shares: { wide: number; narrow: number }): number {
  const chosen = Array.from({ length: batches }, () => {
    const isWide = trial.next();
    trial.observe({ isWide, predictedMs: 10, tookMs: 10 * (isWide ? shares.wide : shares.narrow) });
    return isWide;
  });
  return chosen.slice(-100).filter(Boolean).length;
}

test('all cores are taken while they save time, and one core now and then, to see', () => {
  const wide = wideOf(new WideTrial(), 1_000, { wide: 0.7, narrow: 1 });
  expect(wide).toBeGreaterThanOrEqual(96);
  expect(wide).toBeLessThan(100);
});

test('what saves little is not worth its CPU', () => {
  expect(wideOf(new WideTrial(), 1_000, { wide: 0.95, narrow: 1 })).toBeLessThanOrEqual(4);
});

test('it follows the machine', () => {
  const trial = new WideTrial();
  expect(wideOf(trial, 500, { wide: 0.7, narrow: 1 })).toBeGreaterThan(95);
  expect(wideOf(trial, 3_000, { wide: 1.3, narrow: 1 })).toBeLessThan(5);
  expect(wideOf(trial, 3_000, { wide: 0.7, narrow: 1 })).toBeGreaterThan(95);
});

test('one batch that was put off for long decides nothing', () => {
  const trial = new WideTrial();
  wideOf(trial, 500, { wide: 0.7, narrow: 1 });
  trial.observe({ isWide: true, predictedMs: 1, tookMs: 500 });
  expect(wideOf(trial, 100, { wide: 0.7, narrow: 1 })).toBeGreaterThan(95);
});

test('where workers have one core for all, that is all it sees', () => {
  const trial = new WideTrial();
  for (let k = 0; k < 100; k++) trial.observe({ isWide: false, predictedMs: 10, tookMs: 10 });
  expect(trial.next()).toBe(true);
});

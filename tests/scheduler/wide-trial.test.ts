import { expect, test } from 'vitest';
import { WideTrial } from '../../src/scheduler/wide-trial.ts';

/** Runs batches that take these shares of what was predicted. @returns how many of the last thousand had all cores. */
function wideOf(trial: WideTrial, batches: number, shares: { wide: number; narrow: number }): number {
  const chosen = Array.from({ length: batches }, () => {
    const isWide = trial.next();
    trial.observe({ isWide, predictedMs: 10, tookMs: 10 * (isWide ? shares.wide : shares.narrow) });
    return isWide;
  });
  return chosen.slice(-1_000).filter(Boolean).length;
}

test('all cores are taken while they save time, and one core in less than a hundredth of the runs, to see', () => {
  const wide = wideOf(new WideTrial(), 2_000, { wide: 0.7, narrow: 1 });
  expect(wide).toBeGreaterThan(990);
  expect(wide).toBeLessThan(1_000);
});

test('what saves little is not worth its CPU', () => {
  expect(wideOf(new WideTrial(), 2_000, { wide: 0.95, narrow: 1 })).toBeLessThanOrEqual(32);
  expect(wideOf(new WideTrial(), 2_000, { wide: 1.2, narrow: 1 })).toBeLessThan(10);
});

test('both are tried more often where it is a close thing', () => {
  const narrow = 1_000 - wideOf(new WideTrial(), 2_000, { wide: 0.87, narrow: 1 });
  expect(narrow).toBeGreaterThan(25);
  expect(narrow).toBeLessThan(35);
});

test('it is known after a few batches, not only after a few seconds', () => {
  expect(wideOf(new WideTrial(), 118, { wide: 1.3, narrow: 1 })).toBeLessThanOrEqual(10);
});

test('it follows the machine', () => {
  const trial = new WideTrial();
  expect(wideOf(trial, 1_500, { wide: 0.7, narrow: 1 })).toBeGreaterThan(990);
  expect(wideOf(trial, 3_000, { wide: 1.3, narrow: 1 })).toBeLessThan(10);
  expect(wideOf(trial, 3_000, { wide: 0.7, narrow: 1 })).toBeGreaterThan(990);
});

test.each(['wide', 'narrow'])('a few batches of %s that were put off for long decide nothing', (way) => {
  const trial = new WideTrial();
  wideOf(trial, 500, { wide: 0.7, narrow: 1 });
  for (let k = 0; k < 4; k++) trial.observe({ isWide: way === 'wide', predictedMs: 1, tookMs: 500 });
  expect(wideOf(trial, 1_000, { wide: 0.7, narrow: 1 })).toBeGreaterThan(985);
});

test('where workers have one core for all, that is all it sees', () => {
  const trial = new WideTrial();
  for (let k = 0; k < 100; k++) trial.observe({ isWide: false, predictedMs: 10, tookMs: 10 });
  expect(trial.next()).toBe(true);
});

import { expect, test } from 'vitest';
import { WaitCorrection } from '../../src/scheduler/wait-correction.ts';

function observed(predictedMs: number, waitedMs: number, times = 200): WaitCorrection {
  const correction = new WaitCorrection();
  for (let k = 0; k < times; k++) correction.observe(predictedMs, waitedMs);
  return correction;
}

test('a wait is counted with a margin', () => {
  expect(new WaitCorrection().correct(100)).toBeCloseTo(140, 9);
});

test('short waits are taken as they are predicted, and say nothing about long ones', () => {
  const correction = observed(10, 1_000);
  expect(correction.correct(19)).toBe(19);
  expect(correction.correct(100)).toBeCloseTo(140, 9);
});

test('waits follow what they turned out to be', () => {
  expect(observed(100, 150).correct(100)).toBeCloseTo(150, 0);
});

test('the margin is as wide as waits differ', () => {
  const correction = new WaitCorrection();
  for (let k = 0; k < 400; k++) correction.observe(100, k % 2 === 0 ? 50 : 150);
  expect(correction.correct(100)).toBeGreaterThan(180);
  expect(correction.correct(100)).toBeLessThan(220);
});

test('shorter waits than predicted are no promise', () => {
  expect(observed(100, 10).correct(100)).toBe(100);
});

test('one wait of a minute does not shut the door', () => {
  expect(observed(100, 60_000, 1).correct(100)).toBeLessThan(190);
});

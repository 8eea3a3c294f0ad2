import { expect, test } from 'vitest';
import type { FinishedRun } from '../../src/scheduler/ran-batch.ts';
import { SoleClient } from '../../src/scheduler/sole-client.ts';

const [ANNE, BERT] = [{}, {}];

/** Asks at these times. @returns for batches of 0.5, 2 and 9 ms whether they would have all cores after each. */
function asked(...requests: readonly (readonly [at: number, client: unknown])[]): string[] {
  const sole = new SoleClient();
  return requests.map(([startedAt, client]) => {
    sole.asked(client, startedAt);
    return [0.5, 2, 9].filter((predictedMs) => sole.begin({ startedAt, predictedMs })).join();
  });
}

test('short batches may have all cores once one client has asked alone for 300 ms', () => {
  expect(asked([0, ANNE], [290, ANNE], [301, ANNE], [302, ANNE])).toEqual(['9', '9', '2,9', '2,9']);
});

test('not when another one asks, nor within 300 ms of it', () => {
  const requests = [
    [0, ANNE],
    [2_000, ANNE],
    [2_001, BERT],
    [2_002, ANNE],
    [2_300, ANNE],
    [2_303, ANNE],
  ] as const;
  expect(asked(...requests)).toEqual(['9', '2,9', '9', '9', '9', '2,9']);
});

test('those of whom nothing is known may be many', () => {
  expect(asked([0, null], [2_000, null], [4_000, null])).toEqual(['9', '9', '9']);
});

/** How many of a thousand batches have all cores where those take so long, and 1 × what was predicted on one. */
function shareOf(sole: SoleClient, predictedMs: number, wideMs: number): number {
  let wide = 0;
  for (let k = 0; k < 1_000; k++) {
    const startedAt = 2_000 + 10 * k;
    const isWide = sole.begin({ startedAt, predictedMs });
    if (isWide) wide += 1;
    const result = { isWide } as FinishedRun['result'];
    sole.end({ startedAt, result }, startedAt + (isWide ? wideMs : predictedMs));
  }
  return wide / 1_000;
}

test('short batches have them only as long as they are sooner done with them', () => {
  const sole = new SoleClient();
  sole.asked(ANNE, 0);
  expect(shareOf(sole, 5, 3)).toBeGreaterThan(0.95);
  expect(shareOf(sole, 5, 5)).toBeLessThan(0.6);
  expect(shareOf(sole, 5, 5)).toBeLessThan(0.05);
  expect(shareOf(sole, 5, 3)).toBeGreaterThan(0.1);
  expect(shareOf(sole, 5, 3)).toBeGreaterThan(0.95);
});

test('so do long ones, whoever asks, and neither says anything about the other', () => {
  const sole = new SoleClient();
  sole.asked(null, 2_000);
  expect(shareOf(sole, 20, 12)).toBeGreaterThan(0.95);
  expect(shareOf(sole, 20, 20)).toBeLessThan(0.6);
  expect(shareOf(sole, 20, 20)).toBeLessThan(0.05);
  const alone = new SoleClient();
  alone.asked(ANNE, 0);
  shareOf(alone, 5, 5);
  expect(shareOf(alone, 20, 12)).toBeGreaterThan(0.95);
  expect(shareOf(alone, 5, 5)).toBeLessThan(0.05);
});

test('what ended that was not begun here says nothing', () => {
  const sole = new SoleClient();
  sole.asked(ANNE, 0);
  for (let k = 0; k < 100; k++) {
    expect(sole.begin({ startedAt: 2_000 + k, predictedMs: 9 })).toBe(true);
    sole.end({ startedAt: 2_000 + k, result: { isWide: false } as FinishedRun['result'] }, 2_001 + k);
  }
  expect(sole.begin({ startedAt: 3_000, predictedMs: 5 })).toBe(true);
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StartBackoff } from '../../src/workers/start-backoff.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('waits twice as long after each start that fails, up to ten seconds, and not at all after one that succeeds', () => {
  const backoff = new StartBackoff();
  expect(backoff.waitMs).toBeLessThanOrEqual(0);
  const waits = Array.from({ length: 9 }, () => {
    backoff.failed();
    return backoff.waitMs;
  });
  expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  backoff.succeeded();
  expect(backoff.waitMs).toBeLessThanOrEqual(0);
});

import { describe, expect, test } from 'vitest';
import { QuotaLimit, RateLimit, type RequestLimit } from '../../src/security/request-limit.ts';

const NOON = Date.UTC(2026, 10, 27, 12);

function takeAll(limit: RequestLimit, nowMs: number): number {
  let taken = 0;
  while (limit.remaining(nowMs) > 0) {
    limit.take(nowMs);
    taken += 1;
  }
  return taken;
}

describe('a rate', () => {
  test('lets a burst pass, and then as many as its seconds give', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 20 });
    expect(takeAll(limit, NOON)).toBe(20);
    expect(takeAll(limit, NOON + 500)).toBe(5);
    expect(takeAll(limit, NOON + 60_000)).toBe(20);
  });

  test('of less than one a second lets one pass after the seconds that one takes', () => {
    const limit = new RateLimit({ perSecond: 0.25, burst: 1 });
    limit.take(NOON);
    expect([3_999, 4_000].map((ms) => limit.remaining(NOON + ms))).toEqual([0, 1]);
  });

  test('says when one more may come, and before that when all may', () => {
    const limit = new RateLimit({ perSecond: 0.5, burst: 4 });
    limit.take(NOON);
    expect([limit.remaining(NOON), limit.resetSeconds(NOON)]).toEqual([3, 2]);
    takeAll(limit, NOON);
    expect([limit.remaining(NOON), limit.resetSeconds(NOON)]).toEqual([0, 2]);
    expect(limit.resetSeconds(NOON + 1_000)).toBe(1);
  });

  test('gives nothing for a clock that was set back', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 10 });
    takeAll(limit, NOON);
    expect(takeAll(limit, NOON - 60_000)).toBe(0);
  });

  test('is told as the burst and the time in which it comes back', () => {
    expect(new RateLimit({ perSecond: 50, burst: 100 }).policy).toBe('"rate";q=100;w=2');
    expect(new RateLimit({ perSecond: 0.5, burst: 1 }).policy).toBe('"rate";q=1;w=2');
  });
});

describe('a quota', () => {
  test('holds for its window, and windows begin with the hour', () => {
    const limit = new QuotaLimit({ requests: 3, windowSeconds: 3_600 });
    expect(takeAll(limit, NOON - 1)).toBe(3);
    expect(takeAll(limit, NOON)).toBe(3);
    expect(takeAll(limit, NOON + 3_599_999)).toBe(0);
    expect(takeAll(limit, NOON + 3_600_000)).toBe(3);
  });

  test('says when the next window begins', () => {
    const limit = new QuotaLimit({ requests: 3, windowSeconds: 86_400 });
    expect(limit.resetSeconds(NOON)).toBe(43_200);
    expect(limit.resetSeconds(NOON + 1)).toBe(43_200);
    expect(limit.policy).toBe('"quota";q=3;w=86400');
  });
});

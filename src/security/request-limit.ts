import type { Quota, Rate } from './api-key.ts';

/** A bound on the requests of one key. Times are those of Date.now(), in ms. */
export interface RequestLimit {
  /** As RateLimit-Policy has it; the same for every request. */
  readonly policy: string;
  readonly name: 'rate' | 'quota';
  /** Whole requests that are left. */
  remaining(nowMs: number): number;
  take(nowMs: number): void;
  /** Whole seconds until one request more may come where none is left, and until all may come again otherwise. */
  resetSeconds(nowMs: number): number;
}

/**
 * A token bucket: it holds `burst` requests and is filled by `perSecond`. Its window is the time in which an empty one
 * fills.
 */
export class RateLimit implements RequestLimit {
  readonly name = 'rate';
  readonly policy: string;
  readonly #rate: Rate;
  #tokens: number;
  #filledAtMs = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.policy = `"rate";q=${rate.burst};w=${Math.ceil(rate.burst / rate.perSecond)}`;
  }

  remaining(nowMs: number): number {
    this.#fill(nowMs);
    return Math.floor(this.#tokens);
  }

  take(nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= 1;
  }

  resetSeconds(nowMs: number): number {
    const { perSecond, burst } = this.#rate;
    const missing = this.remaining(nowMs) === 0 ? 1 - this.#tokens : burst - this.#tokens;
    return Math.ceil(missing / perSecond);
  }

  #fill(nowMs: number): void {
    // A clock that is set back gives nothing, and takes nothing.
    const seconds = Math.max(0, nowMs - this.#filledAtMs) / 1000;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + seconds * this.#rate.perSecond);
    this.#filledAtMs = nowMs;
  }
}

/** So many requests in each window; windows begin with the minute, hour or day, in UTC. */
export class QuotaLimit implements RequestLimit {
  readonly name = 'quota';
  readonly policy: string;
  readonly #quota: Quota;
  #window = -1;
  #used = 0;

  constructor(quota: Quota) {
    this.#quota = quota;
    this.policy = `"quota";q=${quota.requests};w=${quota.windowSeconds}`;
  }

  remaining(nowMs: number): number {
    this.#turn(nowMs);
    return Math.max(0, this.#quota.requests - this.#used);
  }

  take(nowMs: number): void {
    this.#turn(nowMs);
    this.#used += 1;
  }

  resetSeconds(nowMs: number): number {
    const windowMs = this.#quota.windowSeconds * 1000;
    return Math.ceil((windowMs - (nowMs % windowMs)) / 1000);
  }

  #turn(nowMs: number): void {
    const window = Math.floor(nowMs / (this.#quota.windowSeconds * 1000));
    if (window === this.#window) return;
    this.#window = window;
    this.#used = 0;
  }
}

/** How far the two clocks may run apart before the steady one is set again. */
const MAX_DRIFT_MS = 50;

/** Times of the process's steady clock as ms since 1970, also after the machine was asleep or its time was set. */
export class EpochClock {
  #offsetMs = performance.timeOrigin;

  /** @param clockMs as performance.now() gives it. */
  at(clockMs: number): number {
    const now = Date.now() - performance.now();
    if (Math.abs(now - this.#offsetMs) > MAX_DRIFT_MS) this.#offsetMs = now;
    return this.#offsetMs + clockMs;
  }
}

/** A shorter wait says more about the clock than about the load. */
const MIN_WAIT_MS = 20;
/** Weight of the last wait. */
const WEIGHT = 0.05;
/** One wait alone says no more than that. */
const MAX_RATIO = 4;
/** So many deviations beyond the mean: most waits are shorter. */
const DEVIATIONS = 2;

/**
 * How much longer requests wait than the work before them takes. Work is what workers' batches take; between two batches the main
 * process hands over, and the busier it is with requests that it refuses, the longer that takes. A queue that is filled up to the
 * deadline without it gives answers that come just too late: all of the work, and no use. Mean and deviation are followed as TCP
 * does for its retransmission timer (RFC 6298), so that the margin is wide only where the pace is uneven.
 */
export class WaitCorrection {
  #ratio = 1;
  #deviation = 0.2;

  observe(predictedMs: number, waitedMs: number): void {
    if (predictedMs < MIN_WAIT_MS) return;
    const ratio = Math.min(MAX_RATIO, waitedMs / predictedMs);
    this.#deviation += WEIGHT * (Math.abs(ratio - this.#ratio) - this.#deviation);
    this.#ratio += WEIGHT * (ratio - this.#ratio);
  }

  /** The wait that is to be expected, never less than what was predicted. */
  correct(predictedMs: number): number {
    if (predictedMs < MIN_WAIT_MS) return predictedMs;
    return predictedMs * Math.max(1, this.#ratio + DEVIATIONS * this.#deviation);
  }
}

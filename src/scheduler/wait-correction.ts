/** A shorter wait says more about the clock than about the load. */
const MIN_WAIT_MS = 20;
/** Weight of the last wait. */
const WEIGHT = 0.05;
/** One wait alone says no more than that. */
const MAX_RATIO = 4;
/** What a wait is counted longer: an answer has a way back, and half of what was predicted to the millisecond comes late. */
const MARGIN = 1.4;

/**
 * How much longer requests wait than the work before them takes. Work is what workers' batches take; between two batches the main
 * process hands over, and the busier it is with requests that it refuses, the longer that takes. A queue that is filled up to the
 * deadline without it gives answers that come just too late: all of the work, and no use.
 */
export class WaitCorrection {
  #ratio = 1;

  observe(predictedMs: number, waitedMs: number): void {
    if (predictedMs < MIN_WAIT_MS) return;
    this.#ratio += WEIGHT * (Math.min(MAX_RATIO, waitedMs / predictedMs) - this.#ratio);
  }

  /** The wait that is to be expected, never less than what was predicted. */
  correct(predictedMs: number): number {
    return predictedMs < MIN_WAIT_MS ? predictedMs : predictedMs * MARGIN * Math.max(1, this.#ratio);
  }
}

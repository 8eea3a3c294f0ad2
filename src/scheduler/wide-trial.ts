/** One batch in so many runs the other way. */
const TRY_EVERY = 32;
/** Weight of the last batch. */
const WEIGHT = 0.05;
/** One batch alone says no more than that. */
const MAX_RATIO = 4;
/** All cores take a third to a half more CPU, and a longer tail: they have to save a tenth of the time. */
const MAX_SHARE = 0.9;

/**
 * Finds out by trying whether a batch is answered sooner when it has all cores. On a quiet machine it is; where a neighbour wants a
 * core as well, each step of the run waits for the thread that was put off. Times are taken as shares of what was predicted, from the
 * hand-over to the result, so that what the main process loses meanwhile counts as well.
 */
export class WideTrial {
  #batches = 0;
  #wide: number | null = null;
  #narrow: number | null = null;

  /** Whether the next batch is to have all cores. */
  next(): boolean {
    this.#batches += 1;
    return this.#batches % TRY_EVERY === 0 ? !this.#pays : this.#pays;
  }

  observe({ isWide, predictedMs, tookMs }: { isWide: boolean; predictedMs: number; tookMs: number }): void {
    const ratio = Math.min(MAX_RATIO, tookMs / predictedMs);
    if (isWide) this.#wide = follow(this.#wide, ratio);
    else this.#narrow = follow(this.#narrow, ratio);
  }

  get #pays(): boolean {
    return this.#wide === null || this.#narrow === null || this.#wide < MAX_SHARE * this.#narrow;
  }
}

function follow(mean: number | null, ratio: number): number {
  return mean === null ? ratio : mean + WEIGHT * (ratio - mean);
}

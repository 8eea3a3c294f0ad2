/** Batches of each way by which a way is known: the median of so many is not moved by a few that were put off. */
const KNOWN = 9;
/** One batch in so many runs the other way, where the two are close … */
const TRY_EVERY = 32;
/** … and where they are not: rarely enough that those which lose by it are less than a hundredth. */
const TRY_RARELY = 128;
/** All cores take a third to a half more CPU, and a longer tail: they have to save a tenth of the time. */
const MAX_SHARE = 0.9;
/** Farther from that share than this, as a part of it, there is no doubt. */
const DOUBT = 0.1;

/**
 * Finds out by trying whether a batch is answered sooner when it has all cores. On a quiet machine it is; where a neighbour wants a
 * core as well, each step of the run waits for the thread that was put off. Times are taken as shares of what was predicted, from the
 * hand-over to the result, so that what the main process loses meanwhile counts as well.
 */
export class WideTrial {
  readonly #wide = new LastShares();
  readonly #narrow = new LastShares();
  #untried = 0;

  /** Whether the next batch is to have all cores. */
  next(): boolean {
    // First in turns, until both are known.
    if (!this.#wide.isKnown || !this.#narrow.isKnown) return this.#wide.count <= this.#narrow.count;
    const share = this.#wide.median / this.#narrow.median;
    const pays = share < MAX_SHARE;
    this.#untried += 1;
    if (this.#untried < (Math.abs(share / MAX_SHARE - 1) < DOUBT ? TRY_EVERY : TRY_RARELY)) return pays;
    this.#untried = 0;
    return !pays;
  }

  observe({ isWide, predictedMs, tookMs }: { isWide: boolean; predictedMs: number; tookMs: number }): void {
    (isWide ? this.#wide : this.#narrow).add(tookMs / predictedMs);
  }
}

/** What the last batches took, as shares of what was predicted. */
class LastShares {
  readonly #shares: number[] = [];
  #median = Number.NaN;

  get count(): number {
    return this.#shares.length;
  }

  get isKnown(): boolean {
    return this.count === KNOWN;
  }

  get median(): number {
    return this.#median;
  }

  add(share: number): void {
    if (this.isKnown) this.#shares.shift();
    this.#shares.push(share);
    this.#median = this.#shares.toSorted((a, b) => a - b)[this.count >> 1] ?? Number.NaN;
  }
}

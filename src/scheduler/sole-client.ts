/** Who has been alone for so long is taken to stay so for one more run. */
const ALONE_MS = 1_000;
/** A shorter batch would be done before it gained by more cores what waking them costs, and what it costs who comes meanwhile. */
const MIN_WIDE_MS = 8;
/** The same where nobody comes meanwhile. */
const MIN_SOLE_MS = 1;

/** Knows whether all requests come from one client, which sends the next one when it has its answer. */
export class SoleClient {
  #last: unknown = null;
  #othersAt = Number.NEGATIVE_INFINITY;

  /** @param client what its requests have in common; null where that is not known. */
  asked(client: unknown, now: number): void {
    if (client !== null && client === this.#last) return;
    this.#last = client;
    this.#othersAt = now;
  }

  /** The shortest batch, in predicted ms, that may have all cores while nothing else runs or waits. */
  minWideMs(now: number): number {
    return now - this.#othersAt > ALONE_MS ? MIN_SOLE_MS : MIN_WIDE_MS;
  }
}

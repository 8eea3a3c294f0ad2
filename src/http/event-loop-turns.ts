/** Bodies are read and worked on for this long in a turn of the event loop; the rest wait for the next one. */
const SLICE_MS = 5;
/** Waiting ones that are let in between two looks at the sockets, while the slice lasts. */
const MAX_RELEASES = 8;

/**
 * Spreads a burst of requests over turns of the event loop, in the order of their arrival, so that a health check, a
 * refusal or an answer that is ready goes out between them: a thousand clients that come at once would otherwise be
 * parsed and encoded in one go, with the server deaf meanwhile.
 */
export class EventLoopTurns {
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  /** When the first one of this turn was let in; null before. */
  #begun: number | null = null;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Calls back now while this turn has time left and nobody waits, else in a later turn. */
  enter(callback: () => void): void {
    if (this.#waiting.length === 0 && this.#hasTime()) callback();
    else this.#waiting.push(callback);
  }

  #hasTime(): boolean {
    if (this.#begun === null) {
      this.#begun = this.#now();
      setImmediate(() => this.#end());
    }
    return this.#now() - this.#begun < SLICE_MS;
  }

  #end(): void {
    this.#begun = null;
    const count = Math.min(MAX_RELEASES, this.#waiting.length);
    // Each in a callback of its own, so that its work is done, and counts, before the next one is let in.
    for (let k = 0; k < count; k++) setImmediate(() => this.#release());
  }

  #release(): void {
    if (this.#waiting.length > 0 && this.#hasTime()) this.#waiting.shift()?.();
  }
}

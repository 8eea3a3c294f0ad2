/** Nobody looks at what is counted more often. */
const EVERY_MS = 100;
/** As many are counted within a millisecond or two. */
const MAX_WAITING = 256;

/**
 * Counts what happens some time later, many in one go: code that runs between two answers takes them time, and the
 * processor's caches.
 */
export class InTurns<Event> {
  readonly #count: (events: readonly Event[]) => void;
  #waiting: Event[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** @param count takes them in the order in which they happened. */
  constructor(count: (events: readonly Event[]) => void) {
    this.#count = count;
  }

  add(event: Event): void {
    this.#waiting.push(event);
    if (this.#waiting.length >= MAX_WAITING) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), EVERY_MS).unref();
  }

  /** Counts what waits now: before anybody looks. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) this.#count(waiting);
  }
}

const FIRST_MS = 100;
const MAX_MS = 10_000;

/** When the next worker may be started: at once, or ever later while those that start end before they are ready. */
export class StartBackoff {
  #failures = 0;
  #notBefore = 0;

  /** Milliseconds still to wait; 0 or less for none. */
  get waitMs(): number {
    return this.#notBefore - performance.now();
  }

  failed(): void {
    this.#notBefore = performance.now() + Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.#failures++, 10));
  }

  succeeded(): void {
    this.#failures = 0;
    this.#notBefore = 0;
  }
}

export interface SettledWatchOptions {
  /** What is there, as a text that differs when it does; null where it cannot be told just now, which is no change. */
  readonly look: () => Promise<string | null>;
  readonly everyMs: number;
  /** Told once for each change; the next look comes when it is done. */
  readonly changed: () => Promise<void> | void;
}

/**
 * Looks at something again and again; polling works on every file system, those of containers and networks included. A
 * change is told when two looks in a row found the same: what is still being written differs.
 */
export class SettledWatch {
  readonly #options: SettledWatchOptions;
  #known: string | null = null;
  #seen: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(options: SettledWatchOptions) {
    this.#options = options;
  }

  /** @param known what is no change. */
  start(known: string | null): void {
    this.#known = known;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#poll(), this.#options.everyMs).unref();
  }

  async #poll(): Promise<void> {
    const before = this.#seen;
    this.#seen = await this.#options.look();
    if (this.#seen !== null && this.#seen !== this.#known && this.#seen === before) {
      this.#known = this.#seen;
      await this.#options.changed();
    }
    this.#schedule();
  }
}

import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

export interface FileWatchOptions {
  readonly files: readonly string[];
  readonly everyMs: number;
  readonly changed: () => void;
}

/**
 * Looks at files again and again; polling sees what a mounted secret does, whose files are links that are turned to
 * another folder. A change is told when two looks in a row found the same, so that no file is read half-written.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  #known: string | null;
  #seen: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  /** What is there now is taken as known: read the files after, and no change is missed. */
  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#known = lookNow(options.files);
  }

  start(): void {
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
    this.#seen = await this.#look();
    if (this.#seen !== null && this.#seen !== this.#known && this.#seen === before) {
      this.#known = this.#seen;
      this.#options.changed();
    }
    this.#schedule();
  }

  /** Null where one of them is not there just now: it is being replaced. */
  async #look(): Promise<string | null> {
    try {
      return signatureOf(await Promise.all(this.#options.files.map((file) => stat(file))));
    } catch {
      return null;
    }
  }
}

function lookNow(files: readonly string[]): string | null {
  try {
    return signatureOf(files.map((file) => statSync(file)));
  } catch {
    return null;
  }
}

function signatureOf(stats: readonly Stats[]): string {
  return JSON.stringify(stats.map(({ size, mtimeMs, ino }) => [size, mtimeMs, ino]));
}

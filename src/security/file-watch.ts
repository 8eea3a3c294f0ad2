import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { SettledWatch } from '../settled-watch.ts';

export interface FileWatchOptions {
  readonly files: readonly string[];
  readonly everyMs: number;
  readonly changed: () => void;
}

/**
 * Follows files; polling sees what a mounted secret does too, whose files are links that are turned to another folder. None is
 * told of while it is half-written.
 */
export class FileWatch {
  readonly #watch: SettledWatch;
  readonly #known: string | null;

  /** What is there now is taken as known: read the files after, and no change is missed. */
  constructor({ files, everyMs, changed }: FileWatchOptions) {
    this.#watch = new SettledWatch({ look: () => look(files), everyMs, changed });
    this.#known = lookNow(files);
  }

  start(): void {
    this.#watch.start(this.#known);
  }

  stop(): void {
    this.#watch.stop();
  }
}

/** Null where one of them is not there just now: it is being replaced. */
async function look(files: readonly string[]): Promise<string | null> {
  try {
    return signatureOf(await Promise.all(files.map((file) => stat(file))));
  } catch {
    return null;
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

import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { VersionLocation } from './model-files.ts';
import { listVersions } from './models-folder.ts';

export interface FolderWatchOptions {
  /** Absolute or relative models folder. */
  readonly folder: string;
  readonly everyMs: number;
  /** Told once for each change; the next look comes when it is done. */
  readonly changed: () => Promise<void>;
}

/** A version's files as they stand: names, sizes, times and places on the disk. */
type Signatures = ReadonlyMap<string, string>;

/**
 * Looks at the models folder again and again; polling works on every file system, those of containers and networks
 * included. A change is told when two looks in a row found the same: files that are still being copied differ.
 */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  #known: string | null = null;
  #seen: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** What is there now is taken as known. */
  async start(): Promise<void> {
    this.#known = await this.#look();
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
      await this.#options.changed();
    }
    this.#schedule();
  }

  /** Null where the folder cannot be read just now: it is no change, and what is served stays. */
  async #look(): Promise<string | null> {
    const root = path.resolve(this.#options.folder);
    try {
      const { versions } = await listVersions(root);
      const signatures: Signatures = new Map(
        await Promise.all(versions.map(async (location) => [location.folder, await signatureOf(location)] as const)),
      );
      return JSON.stringify([...signatures]);
    } catch {
      return null;
    }
  }
}

async function signatureOf({ folder }: VersionLocation): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = entries
    .filter((entry) => !entry.isDirectory())
    .map(async ({ parentPath, name }) => {
      const file = path.join(parentPath, name);
      const { size, mtimeMs, ino } = await stat(file);
      return `${path.relative(folder, file)} ${size} ${mtimeMs} ${ino}`;
    });
  return (await Promise.all(lines)).sort().join('\n');
}

import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { SettledWatch } from '../settled-watch.ts';
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

/** Follows the models folder; a folder that is still being copied differs from one look to the next. */
export class FolderWatch {
  readonly #folder: string;
  readonly #watch: SettledWatch;

  constructor({ folder, everyMs, changed }: FolderWatchOptions) {
    this.#folder = folder;
    this.#watch = new SettledWatch({ look: () => look(folder), everyMs, changed });
  }

  /** What is there now is taken as known. */
  async start(): Promise<void> {
    this.#watch.start(await look(this.#folder));
  }

  stop(): void {
    this.#watch.stop();
  }
}

/** Null where the folder cannot be read just now: it is no change, and what is served stays. */
async function look(folder: string): Promise<string | null> {
  try {
    const { versions } = await listVersions(path.resolve(folder));
    const signatures: Signatures = new Map(
      await Promise.all(versions.map(async (location) => [location.folder, await signatureOf(location)] as const)),
    );
    return JSON.stringify([...signatures]);
  } catch {
    return null;
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

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export interface SnapshotFile {
  /** Relative to the version's folder, as the graph names its weights from there. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const PREFIX = 'serval-';

/**
 * Private copies of the model files that were verified: what workers load. Files of the models folder that are changed
 * in place, or deleted, change nothing until the folder is read again. Equal bytes are kept once.
 *
 *     <parent>/serval-<process id>-XXXXXX/<sha256>/model.onnx
 */
export class Snapshots {
  readonly #parent: string;
  #folder: Promise<string> | null = null;
  readonly #users = new Map<string, number>();

  /** @param parent made where it is not there; what processes that are gone left in it is removed. */
  constructor(parent: string) {
    this.#parent = parent;
  }

  /**
   * @param sha256 names the bytes of all the files together.
   * @returns the absolute folder that holds them. Each `keep` is paid back by one `release`.
   * @throws Error where there is no room, or the parent folder cannot be written.
   */
  async keep(sha256: string, files: readonly SnapshotFile[]): Promise<string> {
    this.#folder ??= open(this.#parent);
    const folder = path.join(await this.#folder, sha256);
    const users = this.#users.get(sha256) ?? 0;
    this.#users.set(sha256, users + 1);
    if (users > 0) return folder;
    try {
      await write(folder, files);
    } catch (error) {
      await this.release(sha256);
      throw error;
    }
    return folder;
  }

  async release(sha256: string): Promise<void> {
    const users = (this.#users.get(sha256) ?? 0) - 1;
    if (users > 0) this.#users.set(sha256, users);
    else {
      this.#users.delete(sha256);
      if (this.#folder !== null) await rm(path.join(await this.#folder, sha256), { recursive: true, force: true });
    }
  }
}

/** Makes the folder of this process, for this user alone (mkdtemp: mode 0700). */
async function open(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    if (isLeftOver(name)) await rm(path.join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
  const folder = await mkdtemp(path.join(parent, `${PREFIX}${process.pid}-`));
  // Whatever ends the process but a SIGKILL; the next start clears up after that.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Under its name only when it is whole. */
async function write(folder: string, files: readonly SnapshotFile[]): Promise<void> {
  const part = `${folder}.part`;
  try {
    for (const { name, bytes } of files) {
      const file = path.join(part, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, bytes, { mode: 0o400 });
    }
    await rename(part, folder);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  }
}

/** In a container the process has the same id at each start, and this one's folder is not made yet. */
function isLeftOver(name: string): boolean {
  if (!name.startsWith(PREFIX)) return false;
  const pid = Number(/^\d+(?=-)/.exec(name.slice(PREFIX.length))?.[0] ?? Number.NaN);
  if (!Number.isInteger(pid)) return false;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

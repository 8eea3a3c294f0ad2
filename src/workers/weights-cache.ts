import { createHash, hash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Where the cache lies, and which bytes are asked for. */
export interface CachedModel {
  /** Absolute. */
  readonly folder: string;
  /** Of the model and its external data, as in its provenance. */
  readonly sha256: string;
}

/** `damaged`: something is there, but not what was written. */
export type Found = { readonly state: 'intact'; readonly modelFile: string } | { readonly state: 'absent' | 'damaged' };

/** By the file's name. */
type Checksums = Record<string, { readonly bytes: number; readonly sha256: string }>;

/** Grows by one when what is written changes. */
const FORMAT = 1;
const MODEL_FILE = 'model.onnx';
const CHECKSUMS = 'checksums.json';
const UNFINISHED = '.unfinished-';
const READ_BYTES = 1 << 20;
const DAY_MS = 86_400_000;
/** An entry that no worker has loaded for so long is of an older model, runtime or machine. */
const KEPT_MS = 30 * DAY_MS;

/**
 * Models as the runtime optimised them for this machine, with their weights in files of their own, laid out as its
 * kernels read them. Workers map the weights into memory instead of making a copy each, and load them in a fraction of
 * the time.
 *
 *     <folder>/<model's SHA-256>-<SHA-256 of format, runtime version and CPU features>/
 *         model.onnx  weights.bin  checksums.json
 *
 * An entry appears whole, by one rename, is never changed, and is used only while every file has its checksum.
 */
export class WeightsCache {
  readonly #folder: string;
  readonly #machine: string;

  /** @param machine what an entry holds for beside the model: runtime version and CPU features. */
  constructor(folder: string, machine: string) {
    this.#folder = folder;
    this.#machine = hash('sha256', `${FORMAT} ${machine}`).slice(0, 16);
  }

  /** Reads all of the entry: its pages are in memory when the runtime maps them. */
  async find(sha256: string): Promise<Found> {
    const entry = this.#entry(sha256);
    if (!(await isOurs(entry))) return { state: 'absent' };
    if (!(await isIntact(entry))) return { state: 'damaged' };
    const now = new Date();
    // Only for prune; a folder that cannot be written serves as well.
    await utimes(path.join(entry, CHECKSUMS), now, now).catch(() => {});
    return { state: 'intact', modelFile: path.join(entry, MODEL_FILE) };
  }

  /**
   * Makes an entry, or a damaged one anew.
   * @param write writes `model.onnx` and what belongs to it into the folder that it is given.
   * @throws Error when the cache cannot be written, or `write` fails: nothing is left behind then.
   */
  async add(sha256: string, write: (folder: string) => Promise<void>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const unfinished = await mkdtemp(path.join(this.#folder, UNFINISHED));
    try {
      await write(unfinished);
      await writeFile(path.join(unfinished, CHECKSUMS), JSON.stringify({ files: await checksumsOf(unfinished) }));
      await this.#publish(unfinished, this.#entry(sha256));
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }

  /** Takes out what has not been used for a month, and what other builders left unfinished a day ago. */
  async prune(now = Date.now()): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const entry = path.join(this.#folder, name);
      const used = await stat(path.join(entry, CHECKSUMS)).catch(() => stat(entry));
      const keptMs = name.startsWith(UNFINISHED) ? DAY_MS : KEPT_MS;
      if (now - used.mtimeMs > keptMs) await rm(entry, { recursive: true, force: true });
    }
  }

  #entry(sha256: string): string {
    return path.join(this.#folder, `${sha256.slice(0, 16)}-${this.#machine}`);
  }

  /** Workers that have an old entry mapped keep it: it only loses its name. */
  async #publish(unfinished: string, entry: string): Promise<void> {
    const old = path.join(unfinished, 'old');
    await rename(entry, old).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
    await rename(unfinished, entry);
    await rm(path.join(entry, 'old'), { recursive: true, force: true });
  }
}

/** Nobody else could have put it there. */
async function isOurs(entry: string): Promise<boolean> {
  const found = await stat(entry).catch(() => null);
  if (found === null) return false;
  return found.uid === process.getuid?.() || found.uid === 0;
}

async function isIntact(entry: string): Promise<boolean> {
  try {
    // Not checked by a schema, whose library is half of what a worker would load: nothing of it is used but to be compared.
    const { files } = JSON.parse(await readFile(path.join(entry, CHECKSUMS), 'utf8')) as { files: Checksums };
    if (files[MODEL_FILE] === undefined) return false;
    for (const [name, expected] of Object.entries(files)) {
      const file = path.join(entry, path.basename(name));
      const { size } = await stat(file);
      if (size !== expected.bytes || (await sha256Of(file)) !== expected.sha256) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function checksumsOf(folder: string): Promise<Checksums> {
  const files: Checksums = {};
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    files[name] = { bytes: (await stat(file)).size, sha256: await sha256Of(file) };
  }
  return files;
}

/** In pieces: the weights of a large model need not fit into the heap. */
async function sha256Of(name: string): Promise<string> {
  const sha256 = createHash('sha256');
  const piece = Buffer.allocUnsafe(READ_BYTES);
  const file = await open(name);
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) return sha256.digest('hex');
      sha256.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

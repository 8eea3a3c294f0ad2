import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import type { Problems } from './problems.ts';

/** Reads files of one version's folder; nothing outside the models folder is ever opened, symbolic links included. */
export class VersionFolder {
  readonly #root: string;
  readonly #folder: string;
  readonly #problems: Problems;
  readonly #hashes = new Map<string, string>();

  /** @param root the models folder. Both paths are absolute. */
  constructor(root: string, folder: string, problems: Problems) {
    this.#root = root;
    this.#folder = folder;
    this.#problems = problems;
  }

  /** Names the bytes of all JSON files that were read. */
  get digest(): string {
    return JSON.stringify([...this.#hashes].sort());
  }

  /** The absolute path of a file of the folder, or null (and a problem, unless it is only absent). */
  async find(file: string): Promise<string | null> {
    const named = path.resolve(this.#folder, file);
    if (!isInside(this.#folder, named)) {
      this.#problems.add(file, '', 'must lie inside the version’s folder');
      return null;
    }
    try {
      const real = await realpath(named);
      if (!isInside(await realpath(this.#root), real)) {
        this.#problems.add(file, '', 'is a link that leaves the models folder; copy the file instead');
        return null;
      }
      if ((await stat(real)).isFile()) return named;
      this.#problems.add(file, '', 'must be a file');
    } catch (error) {
      if (!isAbsent(error)) this.#problems.add(file, '', `cannot be read (${codeOf(error)})`);
    }
    return null;
  }

  /** Names of the files that lie in the folder itself and end so. */
  async list(ending: string): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    return names.filter((name) => name.endsWith(ending)).sort();
  }

  async readBytes(file: string): Promise<Uint8Array | null> {
    const found = await this.find(file);
    if (found === null) return null;
    try {
      return await readFile(found);
    } catch (error) {
      this.#problems.add(file, '', `cannot be read (${codeOf(error)})`);
      return null;
    }
  }

  /** Null where the file is absent or wrong; what is wrong is among the problems. */
  async readJson<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema> | null> {
    const bytes = await this.readBytes(file);
    if (bytes === null) return null;
    this.#hashes.set(file, createHash('sha256').update(bytes).digest('hex'));
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch {
      this.#problems.add(file, '', 'is not valid JSON');
      return null;
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    this.#problems.addIssues(file, parsed.error.issues);
    return null;
  }
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

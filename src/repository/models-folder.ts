import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { VersionLocation } from './model-files.ts';

const VERSION = /^[1-9]\d{0,8}$/;

/** Names that are safe in a URL, in a metric's label and on every file system. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export interface Listing {
  readonly versions: readonly VersionLocation[];
  /** Folders that cannot be models, each with what to change. */
  readonly problems: readonly string[];
}

/**
 * Lists `models/<name>/<version>/`, and `models/<name>/` itself as version 1 where it has no version folders: a Hugging
 * Face export dropped in as it is. Hidden folders and plain files are passed over.
 * @throws Error when the models folder cannot be read.
 */
export async function listVersions(root: string): Promise<Listing> {
  const versions: VersionLocation[] = [];
  const problems: string[] = [];
  for (const model of await foldersOf(root)) {
    if (!MODEL_NAME.test(model)) {
      problems.push(`${model}: not a model name; use letters, digits, dot, dash and underscore, at most 128`);
      continue;
    }
    const folder = path.join(root, model);
    const numbers = (await foldersOf(folder)).filter((name) => VERSION.test(name)).map(Number);
    if (numbers.length === 0) versions.push({ root, folder, model, version: 1 });
    for (const version of numbers.sort((a, b) => a - b)) {
      versions.push({ root, folder: path.join(folder, String(version)), model, version });
    }
  }
  return { versions, problems };
}

async function foldersOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const isFolder = (entry: Dirent) => entry.isDirectory() || entry.isSymbolicLink();
  return entries.filter((entry) => isFolder(entry) && !entry.name.startsWith('.')).map(({ name }) => name);
}

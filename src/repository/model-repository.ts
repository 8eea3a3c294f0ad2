import path from 'node:path';
import { ServalError } from '../errors.ts';
import type { Manifest } from './manifest.ts';
import { readVersionFolder, type VersionLocation } from './model-files.ts';
import { listVersions } from './models-folder.ts';
import { FolderError } from './problems.ts';
import { VersionRecord } from './version-lifecycle.ts';

/** A version that takes traffic. */
export interface ReadyVersion {
  readonly record: VersionRecord;
  readonly manifest: Manifest;
}

/** The models and their versions, by name and number. */
export class ModelRepository {
  readonly #folder: string;
  readonly #models = new Map<string, Map<number, VersionRecord>>();

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  /**
   * Reads the models folder; a version whose folder is wrong is `failed`, with every reason.
   * @returns folders that cannot be models, each with what to change.
   * @throws Error when the models folder itself cannot be read.
   */
  async read(): Promise<readonly string[]> {
    const { versions, problems } = await listVersions(this.#folder);
    for (const record of await Promise.all(versions.map(readRecord))) {
      const known = this.#models.get(record.model) ?? new Map<number, VersionRecord>();
      this.#models.set(record.model, known.set(record.version, record));
    }
    return problems;
  }

  /** Every version, by model name, then number. */
  get records(): VersionRecord[] {
    return [...this.#models.values()]
      .flatMap((versions) => [...versions.values()])
      .sort((a, b) => (a.model < b.model ? -1 : a.model > b.model ? 1 : a.version - b.version));
  }

  get anyReady(): boolean {
    return this.records.some(isReady);
  }

  get models(): string[] {
    return [...this.#models.keys()].sort();
  }

  /** @throws ServalError SERVAL_MODEL_NOT_FOUND */
  versionsOf(model: string): VersionRecord[] {
    const versions = this.#models.get(model);
    if (versions === undefined) {
      const names = this.models;
      throw new ServalError(
        'SERVAL_MODEL_NOT_FOUND',
        `No model is called "${model}"; ${names.length === 0 ? 'none is loaded' : `there are ${names.join(', ')}`}.`,
        { details: { models: names } },
      );
    }
    return [...versions.values()].sort((a, b) => a.version - b.version);
  }

  /** The version that serves requests which name none: the highest that is ready. */
  servedVersion(model: string): ReadyVersion | null {
    const ready = this.versionsOf(model).filter(isReady);
    const record = ready.at(-1);
    return record === undefined ? null : { record, manifest: record.manifest };
  }

  /**
   * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND, SERVAL_VERSION_NOT_READY
   */
  resolve(model: string, version: number | null): ReadyVersion {
    const versions = this.versionsOf(model);
    if (version === null) {
      const served = this.servedVersion(model);
      if (served !== null) return served;
      const states = versions.map((record) => `${record.version} is ${record.state}`).join(', ');
      throw new ServalError('SERVAL_VERSION_NOT_READY', `No version of "${model}" is ready: ${states}.`);
    }
    const record = versions.find((candidate) => candidate.version === version);
    if (record === undefined) {
      const numbers = versions.map((candidate) => candidate.version);
      throw new ServalError(
        'SERVAL_VERSION_NOT_FOUND',
        `"${model}" has no version ${version}; there are ${numbers.join(', ')}.`,
        { details: { versions: numbers } },
      );
    }
    if (isReady(record)) return { record, manifest: record.manifest };
    throw new ServalError(
      'SERVAL_VERSION_NOT_READY',
      `Version ${version} of "${model}" is ${record.state}; GET /models/${model} says why.`,
    );
  }
}

async function readRecord(location: VersionLocation): Promise<VersionRecord> {
  try {
    return new VersionRecord(location.model, location.version, await readVersionFolder(location));
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    const record = new VersionRecord(location.model, location.version, null);
    record.fail(error.message);
    return record;
  }
}

function isReady(record: VersionRecord): record is VersionRecord & { readonly manifest: Manifest } {
  return record.state === 'ready' && record.manifest !== null;
}

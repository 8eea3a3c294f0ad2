import path from 'node:path';
import { ServalError } from '../errors.ts';
import { GRAPH_SUFFIX, type Manifest, versionKey } from './manifest.ts';
import { readVersionFolder, type VersionLocation } from './model-files.ts';
import { type Listing, listVersions } from './models-folder.ts';
import { FolderError } from './problems.ts';
import type { Snapshots } from './snapshots.ts';
import { VersionRecord } from './version-lifecycle.ts';

/** A version that takes traffic. */
export interface ReadyVersion {
  readonly record: VersionRecord;
  readonly manifest: Manifest;
}

/** The models and their versions, by name and number. */
export class ModelRepository {
  readonly #folder: string;
  readonly #snapshots: Snapshots | undefined;
  /** By name, and by number, each in their order: every request looks here. */
  #models: ReadonlyMap<string, ReadonlyMap<number, VersionRecord>> = new Map();
  readonly #pins = new Map<string, number>();

  /** @param snapshots where the bytes that workers load are kept; without it they load the files of the folder. */
  constructor(folder: string, snapshots?: Snapshots) {
    this.#folder = path.resolve(folder);
    this.#snapshots = snapshots;
  }

  /**
   * Reads the models folder, a version at a time; one whose folder is wrong is `failed`, with every reason.
   * @param placed told of each version as soon as it is known.
   * @returns folders that cannot be models, each with what to change.
   * @throws Error when the models folder itself cannot be read.
   */
  async read(placed?: (record: VersionRecord) => void): Promise<readonly string[]> {
    const { versions, problems } = await this.list();
    for (const location of versions) {
      const record = await this.readVersion(location);
      this.place(record);
      placed?.(record);
    }
    return problems;
  }

  /**
   * What the models folder holds now.
   * @throws Error when it cannot be read.
   */
  list(): Promise<Listing> {
    return listVersions(this.#folder);
  }

  /** Reads a version's folder, without making it known; it is `failed` where the folder is wrong. */
  async readVersion(location: VersionLocation): Promise<VersionRecord> {
    try {
      const manifest = await readVersionFolder(location, this.#snapshots);
      return new VersionRecord(location.model, location.version, manifest);
    } catch (error) {
      if (!(error instanceof FolderError)) throw error;
      const record = new VersionRecord(location.model, location.version, null);
      record.fail(error.message);
      return record;
    }
  }

  /** Makes the record the one of its model and number. */
  place(record: VersionRecord): void {
    const versions = new Map(this.#models.get(record.model)).set(record.version, record);
    const ordered = new Map([...versions].sort(([a], [b]) => a - b));
    const models = new Map(this.#models).set(record.model, ordered);
    this.#models = new Map([...models].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  remove({ model, version }: VersionRecord): void {
    const versions = new Map(this.#models.get(model));
    versions.delete(version);
    const models = new Map(this.#models).set(model, versions);
    if (versions.size === 0) models.delete(model);
    this.#models = models;
  }

  find(model: string, version: number): VersionRecord | null {
    return this.#models.get(model)?.get(version) ?? null;
  }

  /** The version that is to serve while it is ready, whatever higher ones there are; null for the highest. */
  pinned(model: string): number | null {
    return this.#pins.get(model) ?? null;
  }

  pin(model: string, version: number | null): void {
    if (version === null) this.#pins.delete(model);
    else this.#pins.set(model, version);
  }

  /** Every version, by model name, then number. */
  get records(): VersionRecord[] {
    return [...this.#models.values()].flatMap((versions) => [...versions.values()]);
  }

  get anyReady(): boolean {
    return this.records.some(isReady);
  }

  get models(): string[] {
    return [...this.#models.keys()];
  }

  has(model: string): boolean {
    return this.#models.has(model);
  }

  /**
   * The model whose bare graph is called so, as `<model>.graph`; null where a name is no graph's. A folder's own name goes
   * first, so that a model may be called `x.graph`.
   */
  ownerOfGraph(name: string): string | null {
    return name.endsWith(GRAPH_SUFFIX) && !this.has(name) ? name.slice(0, -GRAPH_SUFFIX.length) : null;
  }

  /**
   * In the order of their numbers.
   * @throws ServalError SERVAL_MODEL_NOT_FOUND
   */
  versionsOf(model: string): VersionRecord[] {
    return [...this.#versionsOf(model).values()];
  }

  #versionsOf(model: string): ReadonlyMap<number, VersionRecord> {
    const versions = this.#models.get(model);
    if (versions === undefined) {
      const names = this.models;
      throw new ServalError(
        'SERVAL_MODEL_NOT_FOUND',
        `No model is called "${model}"; ${names.length === 0 ? 'none is loaded' : `there are ${names.join(', ')}`}.`,
        { details: { models: names } },
      );
    }
    return versions;
  }

  /** @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND */
  recordOf(model: string, version: number): VersionRecord {
    const versions = this.#versionsOf(model);
    const record = versions.get(version);
    if (record !== undefined) return record;
    const numbers = [...versions.keys()];
    const message = `"${model}" has no version ${version}; there are ${numbers.join(', ')}.`;
    throw new ServalError('SERVAL_VERSION_NOT_FOUND', message, { details: { versions: numbers } });
  }

  /** The version that serves requests which name none: the pinned one while it is ready, else the highest that is. */
  servedVersion(model: string): ReadyVersion | null {
    const pinned = this.pinned(model);
    let served: ReadyVersion | null = null;
    for (const record of this.#versionsOf(model).values()) {
      if (!isReady(record)) continue;
      served = { record, manifest: record.manifest };
      if (record.version === pinned) return served;
    }
    return served;
  }

  /** The key of the version that a name means, a bare graph's too; null where none is ready. */
  keyOf(name: string, version: number | null): string | null {
    const model = this.ownerOfGraph(name) ?? name;
    if (!this.has(model)) return null;
    const record = version === null ? this.servedVersion(model)?.record : this.#versionsOf(model).get(version);
    return record !== undefined && isReady(record) ? versionKey(record.manifest) : null;
  }

  /**
   * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND, SERVAL_VERSION_NOT_READY
   */
  resolve(model: string, version: number | null): ReadyVersion {
    if (version === null) {
      const served = this.servedVersion(model);
      if (served !== null) return served;
      const states = this.versionsOf(model)
        .map((record) => `${record.version} is ${record.state}`)
        .join(', ');
      throw new ServalError('SERVAL_VERSION_NOT_READY', `No version of "${model}" is ready: ${states}.`);
    }
    const record = this.recordOf(model, version);
    if (isReady(record)) return { record, manifest: record.manifest };
    throw new ServalError(
      'SERVAL_VERSION_NOT_READY',
      `Version ${version} of "${model}" is ${record.state}; GET /models/${model} says why.`,
    );
  }
}

function isReady(record: VersionRecord): record is VersionRecord & { readonly manifest: Manifest } {
  return record.state === 'ready' && record.manifest !== null;
}

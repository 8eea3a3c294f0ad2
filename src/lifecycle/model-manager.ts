import type { Config } from '../config.ts';
import { messageOf, ServalError } from '../errors.ts';
import type { PipelineCatalog } from '../pipelines/pipeline-catalog.ts';
import { type Manifest, versionKey } from '../repository/manifest.ts';
import type { VersionLocation } from '../repository/model-files.ts';
import type { ModelManagement, VersionChange } from '../repository/model-management.ts';
import type { ModelRepository } from '../repository/model-repository.ts';
import type { Snapshots } from '../repository/snapshots.ts';
import type { VersionRecord } from '../repository/version-lifecycle.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { WorkerModel } from '../workers/protocol.ts';
import { KeptVersions } from './kept-versions.ts';
import type { LifecycleObserver } from './lifecycle-observer.ts';
import { versionOptions } from './version-options.ts';
import { type Candidate, type Passed, VersionVerifier } from './version-verifier.ts';
import { workerModel } from './worker-model.ts';

export interface ModelManagerOptions {
  readonly config: Config;
  /** Whether workers have GPUs. */
  readonly hasCuda: boolean;
  readonly repository: ModelRepository;
  readonly snapshots: Snapshots;
  readonly catalog: PipelineCatalog;
  readonly scheduler: Scheduler;
  readonly pool: WorkerPool;
  readonly observer: LifecycleObserver;
}

/** A version that passed its gates and waits for workers that have it. */
interface Admitted {
  readonly candidate: Candidate;
  readonly passed: Passed;
  /** What is served under its number until then. */
  readonly old: VersionRecord | null;
}

/**
 * Loads, verifies, switches and retires versions. What is served never changes in place:
 *
 *     folder → read, private copy → verified in a worker of its own → all workers replaced, one by one → ready
 *                                                                        → the old one drains → later, workers without it
 *
 * Each step that fails leaves what is served as it was.
 */
export class ModelManager implements ModelManagement {
  readonly #options: ModelManagerOptions;
  readonly #verifier: VersionVerifier;
  /** What the pool's workers have, or are to have, by key. */
  readonly #live = new Map<string, Candidate>();
  /** Versions on their way out, by key. */
  readonly #retiring = new Map<string, Promise<void>>();
  readonly #kept: KeptVersions;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ModelManagerOptions) {
    this.#options = options;
    this.#kept = new KeptVersions({ ...options, ...options.config, live: () => this.live });
    this.#verifier = new VersionVerifier(options.pool);
  }

  /** The versions that workers have. */
  get live(): WorkerModel[] {
    return [...this.#live.values()].map((candidate) => candidate.workerModel);
  }

  /** Reads the models folder, starts the workers and verifies; calls of the management wait for it. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start());
  }

  load(model: string, version: number): Promise<VersionChange> {
    return this.#inTurn(async () => {
      const { versions } = await this.#options.repository.list();
      const location = versions.find((candidate) => candidate.model === model && candidate.version === version);
      if (location === undefined) {
        const message = `The models folder has no version ${version} of "${model}".`;
        throw new ServalError('SERVAL_VERSION_NOT_FOUND', message);
      }
      const [change] = await this.#bring([location]);
      if (change === undefined) throw new Error('This is a bug: a load without an outcome');
      return change;
    });
  }

  unload(model: string, version: number): Promise<VersionChange> {
    return this.#inTurn(async () => {
      const record = this.#options.repository.recordOf(model, version);
      await this.#retire(record);
      return { ...nameAndState(record), action: 'unloaded', reason: null };
    });
  }

  promote(model: string, version: number): Promise<VersionChange> {
    return this.#inTurn(async () => {
      // Checks that it is there, and ready.
      this.#options.repository.resolve(model, version);
      this.#options.repository.pin(model, version);
      return { model, version, action: 'promoted', state: 'ready', reason: null };
    });
  }

  unpin(model: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#options.repository.versionsOf(model);
      this.#options.repository.pin(model, null);
    });
  }

  reload(model: string | null): Promise<readonly VersionChange[]> {
    return this.#inTurn(async () => {
      const { repository } = this.#options;
      const isMeant = (candidate: { readonly model: string }) => model === null || candidate.model === model;
      const { versions } = await repository.list();
      const there = new Set(versions.map(nameOf));
      const gone = repository.records.filter((record) => isMeant(record) && !there.has(nameOf(record)));
      const removed = await Promise.all(gone.map((record) => this.#remove(record)));
      return [...removed, ...(await this.#bring(versions.filter(isMeant), { keepsUnloaded: true }))];
    });
  }

  /** A version ends the workers that load it: they go on without it. */
  exclude(key: string, reason: string): void {
    const candidate = this.#live.get(key);
    if (candidate === undefined) return;
    const { record } = candidate;
    const wasServed = record.state === 'ready';
    record.fail(reason);
    // Before it is served, the one who waits for its workers finds out.
    if (!wasServed) return;
    this.#live.delete(key);
    this.#options.scheduler.removeVersion(key);
    this.#options.observer.versionFailed(record);
  }

  async #start(): Promise<void> {
    const { repository, pool, observer } = this.#options;
    const candidates: Candidate[] = [];
    const problems = await repository.read((record) => {
      const candidate = this.#candidate(record);
      if (candidate === null) return;
      candidates.push(candidate);
      this.#live.set(versionKey(candidate.manifest), candidate);
      pool.prepare(candidate.workerModel);
    });
    for (const problem of problems) observer.folderPassedOver(problem);
    await pool.start(this.live);
    await this.#verifier.verifyAll(candidates, (candidate, passed) => this.#admit(candidate, passed));
    for (const record of repository.records) if (record.state === 'failed') await this.#giveUp(record);
    pool.settle(this.live);
  }

  #candidate(record: VersionRecord): Candidate | null {
    const { manifest } = record;
    if (manifest === null) return null;
    try {
      const pipeline = this.#options.catalog.add(manifest);
      const { config, hasCuda } = this.#options;
      return { record, manifest, pipeline, workerModel: workerModel(manifest, config, hasCuda) };
    } catch (error) {
      record.fail(`tokenizer.json: ${messageOf(error)}`);
      return null;
    }
  }

  /** Reads, verifies and serves versions; all that pass share one replacement of the workers. */
  async #bring(
    locations: readonly VersionLocation[],
    { keepsUnloaded = false }: { keepsUnloaded?: boolean } = {},
  ): Promise<VersionChange[]> {
    const { repository, pool } = this.#options;
    const outcomes: (VersionChange | Admitted)[] = [];
    for (const location of locations) {
      const record = await repository.readVersion(location);
      const known = repository.find(record.model, record.version);
      const isSame = record.manifest !== null && record.manifest.digest === known?.manifest?.digest;
      if (known !== null && isSame && (known.state === 'ready' || (known.state === 'unloaded' && keepsUnloaded))) {
        known.refusedUpdate = null;
        await this.#release(record.manifest);
        outcomes.push({ ...nameAndState(known), action: 'unchanged', reason: null });
        continue;
      }
      const old = known?.state === 'ready' ? known : null;
      if (old === null) repository.place(record);
      outcomes.push(await this.#verify(record, old));
    }
    if (outcomes.some(isAdmitted) && !pool.haveAll(this.live)) await this.#kept.roll();
    return Promise.all(outcomes.map((outcome) => (isAdmitted(outcome) ? this.#switch(outcome) : outcome)));
  }

  async #verify(record: VersionRecord, old: VersionRecord | null): Promise<VersionChange | Admitted> {
    // The same bytes may be on their way out just now.
    if (record.manifest !== null) await this.#retiring.get(versionKey(record.manifest));
    const candidate = this.#candidate(record);
    if (candidate === null) return this.#refuse(record, old);
    try {
      const passed = await this.#verifier.verifyApart(candidate);
      this.#live.set(versionKey(candidate.manifest), candidate);
      return { candidate, passed, old };
    } catch (error) {
      record.fail(messageOf(error));
      return this.#refuse(record, old);
    }
  }

  /** The workers have it: from now on it gets the traffic of its number, and the old one drains. */
  async #switch({ candidate, passed, old }: Admitted): Promise<VersionChange> {
    const { record } = candidate;
    if (record.state === 'failed') return this.#refuse(record, old);
    this.#admit(candidate, passed);
    this.#options.repository.place(record);
    if (old !== null) void this.#retire(old);
    return { ...nameAndState(record), action: 'loaded', reason: null };
  }

  #admit({ record, manifest }: Candidate, passed: Passed): void {
    const { scheduler, config, observer } = this.#options;
    scheduler.addVersion(versionKey(manifest), versionOptions(manifest, passed, config));
    record.loadSeconds = passed.loadSeconds;
    record.executionProvider = passed.provider;
    record.becomeReady(passed.verification);
    observer.versionReady(record);
  }

  /** A version that is not served: for the record, as the update of what is, or as itself. */
  async #refuse(record: VersionRecord, old: VersionRecord | null): Promise<VersionChange> {
    const reason = record.reason ?? 'was not loaded';
    if (old !== null) old.refusedUpdate = reason;
    await this.#giveUp(record);
    const { model, version } = record;
    return { model, version, action: 'refused', state: old?.state ?? record.state, reason };
  }

  async #giveUp(record: VersionRecord): Promise<void> {
    const { manifest } = record;
    this.#options.observer.versionFailed(record);
    if (manifest === null) return;
    this.#live.delete(versionKey(manifest));
    this.#options.catalog.remove(manifest);
    await this.#release(manifest);
  }

  /** Takes a version out of service: no new requests, those accepted are answered, then workers go on without it. */
  #retire(record: VersionRecord): Promise<void> {
    const { manifest } = record;
    if (manifest === null || record.state !== 'ready') return Promise.resolve();
    const key = versionKey(manifest);
    record.moveTo('draining');
    const done = this.#drain(record, manifest).finally(() => this.#retiring.delete(key));
    this.#retiring.set(key, done);
    return done;
  }

  async #drain(record: VersionRecord, manifest: Manifest): Promise<void> {
    const { scheduler, catalog, observer } = this.#options;
    await record.unused();
    const key = versionKey(manifest);
    scheduler.removeVersion(key);
    catalog.remove(manifest);
    this.#live.delete(key);
    record.moveTo('unloaded');
    observer.versionUnloaded(record);
    this.#kept.add(manifest);
  }

  async #remove(record: VersionRecord): Promise<VersionChange> {
    await this.#retire(record);
    this.#options.repository.remove(record);
    return { ...nameAndState(record), action: 'unloaded', reason: null };
  }

  #release(manifest: Manifest | null): Promise<void> {
    return manifest === null ? Promise.resolve() : this.#options.snapshots.release(manifest.provenance.sha256);
  }

  /** One change after another; one that fails does not hold up the next. */
  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(change);
    this.#turn = result.catch(() => {});
    return result;
  }
}

function isAdmitted(outcome: VersionChange | Admitted): outcome is Admitted {
  return 'candidate' in outcome;
}

function nameOf({ model, version }: { readonly model: string; readonly version: number }): string {
  return `${model}/${version}`;
}

function nameAndState({ model, version, state }: VersionRecord) {
  return { model, version, state };
}

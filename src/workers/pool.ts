import type { WorkerModel } from './protocol.ts';
import { type WorkerEnd, WorkerProcess } from './worker-process.ts';

export interface PoolObserver {
  /** A worker can take work: attach it. */
  workerReady(worker: WorkerProcess): void;
  /** A worker is gone; `replaced` where a new one is started. */
  workerEnded(worker: WorkerProcess, end: WorkerEnd): void;
  /** A version is left out of new workers: it ended several while they loaded it. */
  versionExcluded(versionKey: string, reason: string): void;
}

export interface PoolOptions {
  readonly count: number;
  readonly models: readonly WorkerModel[];
  readonly startTimeoutMs: number;
  readonly observer: PoolObserver;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** Workers that may end while they load a version before it is left out. */
const MAX_LOAD_DEATHS = 3;
/** What a worker may take to finish its batch and exit. */
const RETIRE_GRACE_MS = 5_000;

/** Keeps `count` workers alive: one that ends is replaced, at once if it had been ready, else ever more slowly. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #workers = new Set<WorkerProcess>();
  readonly #respawns = new Set<NodeJS.Timeout>();
  readonly #loadDeaths = new Map<string, number>();
  readonly #excluded = new Set<string>();
  readonly #allReady = Promise.withResolvers<void>();
  #nextId = 1;
  #failedStarts = 0;
  #stopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get workers(): ReadonlySet<WorkerProcess> {
    return this.#workers;
  }

  get readyCount(): number {
    return [...this.#workers].filter(({ ready }) => ready).length;
  }

  /** Resolves when `count` workers are ready. */
  async start(): Promise<void> {
    for (let k = 0; k < this.#options.count; k++) this.#spawn();
    await this.#allReady.promise;
  }

  /** Ends all workers, each after its batch. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#respawns) clearTimeout(timer);
    await Promise.all([...this.#workers].map((worker) => worker.retire(RETIRE_GRACE_MS)));
  }

  #spawn(): void {
    const models = this.#options.models.filter(({ versionKey }) => !this.#excluded.has(versionKey));
    const worker = new WorkerProcess(this.#nextId++, models, {
      ready: () => {
        clearTimeout(timer);
        this.#failedStarts = 0;
        this.#options.observer.workerReady(worker);
        if (this.readyCount === this.#options.count) this.#allReady.resolve();
      },
      ended: (_, end) => {
        clearTimeout(timer);
        this.#workers.delete(worker);
        this.#options.observer.workerEnded(worker, end);
        if (!this.#stopping) this.#replace(end);
      },
    });
    const timer = setTimeout(() => worker.kill(), this.#options.startTimeoutMs);
    this.#workers.add(worker);
  }

  #replace(end: WorkerEnd): void {
    if (end.wasReady) {
      this.#spawn();
      return;
    }
    if (end.loading !== null) this.#countLoadDeath(end.loading, end);
    const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failedStarts++);
    const timer = setTimeout(() => {
      this.#respawns.delete(timer);
      this.#spawn();
    }, backoffMs);
    this.#respawns.add(timer);
  }

  #countLoadDeath(versionKey: string, end: WorkerEnd): void {
    const deaths = (this.#loadDeaths.get(versionKey) ?? 0) + 1;
    this.#loadDeaths.set(versionKey, deaths);
    if (deaths < MAX_LOAD_DEATHS || this.#excluded.has(versionKey)) return;
    this.#excluded.add(versionKey);
    const how = end.signal ?? `exit code ${end.exitCode}`;
    this.#options.observer.versionExcluded(versionKey, `${deaths} workers ended while they loaded it (${how})`);
  }
}

import { leastUsedDevice } from './cuda-devices.ts';
import { WORKER_NICENESS } from './launch.ts';
import { LoadDeaths } from './load-deaths.ts';
import { OrphanGuard } from './orphan-guard.ts';
import { has, includesAll, type Member } from './pool-member.ts';
import type { PoolOptions } from './pool-options.ts';
import type { WorkerModel } from './protocol.ts';
import { StartBackoff } from './start-backoff.ts';
import { type WorkerEnd, type WorkerEvents, WorkerProcess } from './worker-process.ts';

/** What a worker may take to exit after its batch. */
const EXIT_GRACE_MS = 5_000;
/** What is verified takes the time that those who serve leave. */
const PROBE_NICENESS = 19;
const START_NICENESS = 19;
/** How often workers are looked at: for runs that hang, and for limits of their own. */
const LOOK_EVERY_MS = 100;
/** A ceiling that a fresh worker is near already cannot be kept by fresh ones. */
const MIN_GROWTH = 1.25;

/**
 * Keeps `count` workers serving, all with the same models. A worker's models never change: a worker that crashed, one
 * that has reached a limit, and all of them where the models change are replaced in the same way, one at a time:
 *
 *     start a fresh one → it is ready → it serves → the old one ends after its batch
 *
 * so that at most one extra worker takes memory and, crashes aside, never fewer than `count` serve.
 */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #members = new Set<Member>();
  /** Workers beside the pool, for verification. */
  readonly #probes = new Set<WorkerProcess>();
  readonly #loadDeaths: LoadDeaths;
  readonly #backoff = new StartBackoff();
  readonly #guard = new OrphanGuard();
  readonly #waiters = new Set<{ readonly generation: number; readonly resolve: () => void }>();
  #models: readonly WorkerModel[] = [];
  #generation = 1;
  #spares = 0;
  #nextId = 1;
  #startTimer: NodeJS.Timeout | null = null;
  #lookTimer: NodeJS.Timeout | null = null;
  #isSettled = false;
  #isStopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#loadDeaths = new LoadDeaths((versionKey, reason) => options.observer.versionExcluded(versionKey, reason));
  }

  /** All that are ready, spares included. */
  get ready(): WorkerProcess[] {
    return [...this.#members].filter(({ worker }) => worker.ready).map(({ worker }) => worker);
  }

  /** Those that take work. */
  get serving(): WorkerProcess[] {
    return [...this.#members].filter(({ isServing, worker }) => isServing && worker.ready).map(({ worker }) => worker);
  }

  get #all(): WorkerProcess[] {
    return [...[...this.#members].map(({ worker }) => worker), ...this.#probes];
  }

  isExcluded(versionKey: string): boolean {
    return this.#loadDeaths.isExcluded(versionKey);
  }

  /** Before the start: what was launched for it loads a version meanwhile, unless it is to have a GPU: which is not known yet. */
  prepare(model: WorkerModel): void {
    if (this.#options.cudaDevices.length === 0) this.#options.launched.load(model);
  }

  /** Resolves when `count` workers are ready; what they could not load, their `loads` say. */
  async start(models: readonly WorkerModel[]): Promise<void> {
    this.#models = models;
    this.#lookTimer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    this.#reconcile();
    await this.#whenCurrent();
  }

  /** Ends the start: new workers get these models, which all that run have, and spares are kept from now on. */
  settle(models: readonly WorkerModel[]): void {
    this.#models = models;
    this.#spares = this.#options.spares;
    this.#isSettled = true;
    this.#options.launched.discard();
    this.#reconcile();
  }

  /** Whether all workers have these models already, and those that start from now on will. */
  haveAll(models: readonly WorkerModel[]): boolean {
    const live = [...this.#members].filter(({ isRetiring }) => !isRetiring);
    return includesAll(this.#loadDeaths.loadable(this.#models), models) && live.every((member) => has(member, models));
  }

  /**
   * Replaces all workers by such with these models. Resolves when all that serve have them, but for versions that were
   * excluded meanwhile.
   */
  async roll(models: readonly WorkerModel[]): Promise<void> {
    const before = new Set(this.#models.map(({ versionKey }) => versionKey));
    for (const { versionKey } of models) if (!before.has(versionKey)) this.#loadDeaths.forget(versionKey);
    this.#models = models;
    this.#generation += 1;
    this.#reconcile();
    await this.#whenCurrent();
  }

  /**
   * A worker with these models beside the pool; whoever asked ends it.
   * @returns the worker when it is ready, or how it ended before.
   */
  startProbe(models: readonly WorkerModel[]): Promise<WorkerProcess | WorkerEnd> {
    return new Promise((resolve) => {
      const events: WorkerEvents = {
        ready: () => {
          clearTimeout(timer);
          resolve(worker);
        },
        ended: (_, end) => {
          clearTimeout(timer);
          this.#probes.delete(worker);
          this.#guard.release(worker.pid);
          resolve(end);
        },
      };
      const cudaDevice = leastUsedDevice(this.#options.cudaDevices, this.#all);
      const worker = new WorkerProcess(this.#nextId++, { models, cudaDevice, events, niceness: PROBE_NICENESS });
      this.#probes.add(worker);
      this.#guard.watch(worker.pid);
      const timer = setTimeout(() => worker.kill(), this.#options.startTimeoutMs);
    });
  }

  /** Ends all workers, each after its batch, or when the time is over. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#startTimer !== null) clearTimeout(this.#startTimer);
    if (this.#lookTimer !== null) clearInterval(this.#lookTimer);
    this.#options.launched.discard();
    const all = this.#all;
    const timer = setTimeout(() => {
      for (const worker of all) worker.kill();
    }, EXIT_GRACE_MS);
    await Promise.all(all.map((worker) => worker.retire(EXIT_GRACE_MS)));
    clearTimeout(timer);
    for (const { resolve } of this.#waiters) resolve();
  }

  /** Brings what there is to what there should be. */
  #reconcile(): void {
    if (this.#isStopping) return;
    const { count } = this.#options;
    const live = [...this.#members].filter(({ isRetiring }) => !isRetiring);
    const idle = live.filter(({ worker, isServing }) => worker.ready && !isServing);
    // A stale one serves as well as any until a fresh one can.
    idle.sort((a, b) => Number(this.#isStale(a)) - Number(this.#isStale(b)));
    let missing = count - live.filter(({ isServing }) => isServing).length;
    for (; missing > 0 && idle.length > 0; missing--) this.#serve(idle.shift());
    const stale = live.filter((member) => member.worker.ready && this.#isStale(member));
    const [old] = stale.sort((a, b) => Number(b.isServing) - Number(a.isServing));
    const fresh = idle.find((member) => !this.#isStale(member));
    // One that was overtaken by the next generation while it started.
    const overtaken = live.length > count + this.#spares ? idle.find((member) => this.#isStale(member)) : undefined;
    if (overtaken !== undefined) {
      this.#retire(overtaken);
      this.#reconcile();
      return;
    }
    if (old !== undefined && fresh !== undefined) {
      if (old.isServing) this.#serve(fresh);
      this.#retire(old);
      this.#reconcile();
      return;
    }
    this.#start(count + this.#spares - live.length + (old === undefined || this.#isAnyRetiring ? 0 : 1));
    for (const waiter of this.#waiters) {
      if (missing > 0 || live.some(({ isServing, generation }) => isServing && generation < waiter.generation))
        continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  get #isAnyRetiring(): boolean {
    return [...this.#members].some(({ isRetiring }) => isRetiring);
  }

  #isStale({ generation, worn }: Member): boolean {
    return generation < this.#generation || worn !== null;
  }

  #whenCurrent(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.add({ generation: this.#generation, resolve });
    this.#reconcile();
    return promise;
  }

  #serve(member: Member | undefined): void {
    if (member === undefined) return;
    member.isServing = true;
    this.#options.observer.workerReady(member.worker);
  }

  #retire(member: Member): void {
    member.isRetiring = true;
    member.isServing = false;
    this.#options.observer.workerRetires(member.worker, member.worn ?? 'generation');
    void member.worker.retire(EXIT_GRACE_MS);
  }

  #start(amount: number): void {
    if (amount <= 0) return;
    const { waitMs } = this.#backoff;
    if (waitMs > 0) {
      this.#startTimer ??= setTimeout(() => {
        this.#startTimer = null;
        this.#reconcile();
      }, waitMs);
      return;
    }
    for (let k = 0; k < amount; k++) this.#spawn();
  }

  #spawn(): void {
    const models = this.#loadDeaths.loadable(this.#models);
    // Where as many serve as should, it starts in the time that they leave.
    const isUrgent = this.serving.length < this.#options.count || !this.#guard.canRaisePriority();
    const events: WorkerEvents = {
      ready: () => {
        clearTimeout(timer);
        if (!isUrgent) worker.setNiceness(WORKER_NICENESS);
        this.#becomeReady(member);
      },
      ended: (_, end) => {
        clearTimeout(timer);
        this.#members.delete(member);
        this.#guard.release(worker.pid);
        if (!member.isRetiring) this.#lost(member, end);
        this.#reconcile();
      },
    };
    const niceness = isUrgent ? WORKER_NICENESS : START_NICENESS;
    const cudaDevice = leastUsedDevice(this.#options.cudaDevices, this.#all);
    const launched = this.#options.launched.take();
    const worker = new WorkerProcess(this.#nextId++, { models, cudaDevice, events, niceness, launched });
    const member: Member = {
      worker,
      models,
      generation: this.#generation,
      bornBytes: 0,
      isServing: false,
      isRetiring: false,
      worn: null,
    };
    const timer = setTimeout(() => worker.kill(), this.#options.startTimeoutMs);
    this.#members.add(member);
    this.#guard.watch(worker.pid);
  }

  #becomeReady(member: Member): void {
    const { worker, models } = member;
    const failed = models.find(({ versionKey }) => worker.loads.get(versionKey)?.ok !== true);
    // What is served loaded before: a worker without it is of no use.
    if (this.#isSettled && failed !== undefined) {
      const load = worker.loads.get(failed.versionKey);
      this.#loadDeaths.add(failed.versionKey, load?.ok === false ? load.message : 'was not loaded');
      this.#backoff.failed();
      member.isRetiring = true;
      worker.kill();
      return;
    }
    member.bornBytes = worker.usage?.residentBytes ?? 0;
    this.#backoff.succeeded();
    this.#reconcile();
  }

  #lost({ worker }: Member, end: WorkerEnd): void {
    this.#options.observer.workerEnded(worker, end);
    if (end.wasReady) return;
    if (end.loading !== null) this.#loadDeaths.add(end.loading, end.signal ?? `exit code ${end.exitCode}`);
    this.#backoff.failed();
  }

  #look(): void {
    const { runTimeoutMs, recycleBatches, recycleBytes } = this.#options;
    for (const worker of this.#all) if (worker.runningMs > runTimeoutMs) worker.kill({ hung: true });
    for (const member of this.#members) {
      const { worker, bornBytes } = member;
      if (!member.isServing || member.worn !== null) continue;
      const bytes = worker.usage?.residentBytes ?? 0;
      if (recycleBatches > 0 && worker.batches >= recycleBatches) member.worn = 'batches';
      else if (recycleBytes > 0 && bytes > recycleBytes && bytes > bornBytes * MIN_GROWTH) member.worn = 'memory';
      if (member.worn !== null) this.#reconcile();
    }
  }
}

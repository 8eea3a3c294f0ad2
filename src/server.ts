import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { batchBoundsOn, type Config } from './config.ts';
import type { AppParts } from './http/app.ts';
import { ReceivingBudget } from './http/body-reader.ts';
import { Calibration } from './lifecycle/calibration.ts';
import { calibrationBatches } from './lifecycle/calibration-batches.ts';
import { ModelManager } from './lifecycle/model-manager.ts';
import type { ProviderLog } from './lifecycle/provider-log.ts';
import { WeightsKeeper } from './lifecycle/weights-keeper.ts';
import { Listeners } from './listeners.ts';
import { flushed } from './observability/logger.ts';
import { Metrics } from './observability/metrics.ts';
import type { Tracing } from './observability/tracing.ts';
import { createPredictors } from './open-inference/create-predictors.ts';
import { InferenceStatistics } from './open-inference/statistics.ts';
import { PipelineCatalog } from './pipelines/pipeline-catalog.ts';
import { FolderWatch } from './repository/folder-watch.ts';
import { versionKey } from './repository/manifest.ts';
import { ModelRepository } from './repository/model-repository.ts';
import { Snapshots } from './repository/snapshots.ts';
import type { VersionRecord } from './repository/version-lifecycle.ts';
import { joinedObservers } from './scheduler/joined-observers.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { Security } from './security/security.ts';
import type { ServerPhase } from './server-phase.ts';
import { findSurroundings, type Surroundings } from './surroundings.ts';
import { LaunchedWorkers } from './workers/launch.ts';
import { WorkerPool } from './workers/pool.ts';
import type { RetireReason } from './workers/pool-options.ts';
import type { WorkerEnd, WorkerProcess } from './workers/worker-process.ts';

/** The composition root: the only file that knows every room. */
export class Server {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #providers: ProviderLog;
  readonly #tracing: Tracing | null;
  readonly #repository: ModelRepository;
  readonly #catalog = new PipelineCatalog();
  readonly #metrics: Metrics;
  readonly #statistics = new InferenceStatistics();
  readonly #scheduler: Scheduler;
  readonly #weights: WeightsKeeper;
  readonly #calibration: Calibration;
  readonly #pool: WorkerPool;
  readonly #models: ModelManager;
  readonly #watch: FolderWatch | null;
  readonly #security: Security;
  readonly #listeners: Listeners;
  #phase: ServerPhase = 'starting';

  /** @param launched what becomes the first workers. */
  static async create(config: Config, launched = new LaunchedWorkers(0)): Promise<Server> {
    return new Server(await findSurroundings(config), launched);
  }

  private constructor(surroundings: Surroundings, launched: LaunchedWorkers) {
    const { config, logger, providers, cudaDevices, tracing } = surroundings;
    this.#config = config;
    this.#logger = logger;
    this.#providers = providers;
    this.#tracing = tracing;
    const snapshots = new Snapshots(config.snapshotDir);
    this.#repository = new ModelRepository(config.models, snapshots);
    this.#metrics = new Metrics({
      queuedItems: () =>
        this.#models.live.map(({ versionKey: key }) => ({
          versionKey: key,
          items: this.#scheduler.queuedItemsOf(key),
        })),
      workers: () => this.#pool.ready,
      servingWorkers: () => this.#pool.serving.length,
      versions: () => this.#repository.records,
      queueWaitMs: () => this.#scheduler.predictedWaitMs,
      costs: () =>
        this.#models.live.flatMap(({ versionKey: key }) => {
          const cost = this.#scheduler.costOf(key);
          return cost === null ? [] : [{ versionKey: key, cost: cost.coefficients }];
        }),
    });
    this.#weights = new WeightsKeeper(this.#logger);
    this.#scheduler = new Scheduler({
      ...config,
      ...batchBoundsOn('cpu', config),
      observer: joinedObservers(this.#metrics, this.#statistics, ...(tracing === null ? [] : [tracing])),
    });
    this.#pool = this.#createPool(cudaDevices, launched);
    this.#calibration = new Calibration({
      scheduler: this.#scheduler,
      isServing: (executor) => this.#pool.serving.some(({ id }) => id === executor.id),
      log: this.#logger,
    });
    this.#models = new ModelManager({
      config,
      hasCuda: cudaDevices.length > 0,
      repository: this.#repository,
      snapshots,
      catalog: this.#catalog,
      scheduler: this.#scheduler,
      pool: this.#pool,
      observer: {
        folderPassedOver: (problem) => this.#logger.error({ problem }, 'folder passed over'),
        versionReady: (record) => this.#versionReady(record),
        versionFailed: (record) => this.#versionFailed(record),
        versionUnloaded: (record) => this.#versionUnloaded(record),
      },
    });
    const { models: folder, watchMs: everyMs } = config;
    this.#security = new Security({ config: this.#config, log: this.#logger, observer: this.#metrics.keys });
    this.#listeners = new Listeners(this.#appParts());
    this.#watch = everyMs === 0 ? null : new FolderWatch({ folder, everyMs, changed: () => this.#folderChanged() });
  }

  /** Where the server listens; the empty text before it does. */
  get url(): string {
    return this.#listeners.url;
  }

  /** Listens at once, then loads and verifies the models. Resolves when the server is ready. */
  async start(): Promise<void> {
    const begun = performance.now();
    await this.#listeners.listenForHttp();
    this.#security.start();
    // Before the folder is read: what changes meanwhile is seen then.
    await this.#watch?.start();
    await this.#models.start();
    for (const worker of this.#pool.serving) this.#scheduler.attach(worker);
    await this.#listeners.listenForGrpc();
    if (this.#phase !== 'starting') return;
    this.#phase = 'ready';
    const { url } = this;
    this.#logger.info({ url, docs: `${url}/docs`, seconds: secondsSince(begun) }, 'ready');
    for (const worker of this.#pool.serving) this.#weights.look(this.#models.live, worker.loads);
  }

  /**
   * Is not ready at once, refuses new work after the grace, finishes what was accepted, ends the workers.
   * @returns false where accepted requests were left over at the drain limit.
   */
  async stop(reason: string): Promise<boolean> {
    const { shutdownGraceMs, drainTimeoutMs } = this.#config;
    this.#phase = 'leaving';
    this.#watch?.stop();
    this.#security.stop();
    this.#weights.stop();
    this.#calibration.stop();
    if (shutdownGraceMs > 0) {
      this.#logger.info({ reason, ms: shutdownGraceMs }, 'not ready, serving until load balancers have seen it');
      await delay(shutdownGraceMs);
    }
    await this.#listeners.leaveGrpc();
    this.#phase = 'draining';
    this.#logger.info({ reason, requests: 'finishing' }, 'draining');
    const finished = this.#finish().then(() => true);
    const clean = await Promise.race([finished, delay(drainTimeoutMs, false, { ref: false })]);
    this.#listeners.kill();
    await this.#pool.stop();
    await this.#tracing?.stop();
    this.#logger.info({ clean }, 'stopped');
    await flushed(this.#logger);
    return clean;
  }

  async #finish(): Promise<void> {
    await this.#scheduler.drained();
    await this.#listeners.close();
    await this.#scheduler.drained();
  }

  /** What the servers that listen need. */
  #appParts(): AppParts {
    return {
      config: this.#config,
      logger: this.#logger,
      repository: this.#repository,
      ...createPredictors({
        config: this.#config,
        repository: this.#repository,
        catalog: this.#catalog,
        scheduler: this.#scheduler,
        statistics: this.#statistics,
        observer: {
          inferenceEnded: (inference) => {
            this.#statistics.inferenceEnded(inference);
            this.#tracing?.inferenceEnded(inference);
          },
        },
      }),
      ...this.#security.doors,
      metrics: this.#metrics,
      costOf: (manifest) => this.#scheduler.costOf(versionKey(manifest))?.coefficients ?? null,
      observer: this.#metrics,
      tracer: this.#tracing,
      door: this.#scheduler.door,
      budget: new ReceivingBudget(this.#config.maxReceivingBytes),
      phase: () => this.#phase,
      management: this.#models,
    };
  }

  #createPool(cudaDevices: readonly number[], launched: LaunchedWorkers): WorkerPool {
    const { workers: count, spareWorkers: spares, workerStartTimeoutMs: startTimeoutMs } = this.#config;
    return new WorkerPool({
      ...this.#config,
      count,
      spares,
      cudaDevices,
      launched,
      startTimeoutMs,
      observer: {
        workerReady: (worker) => {
          this.#providers.loaded(worker.loads);
          if (this.#phase === 'starting') return;
          this.#scheduler.attach(worker);
          this.#weights.look(this.#models.live, worker.loads);
        },
        workerRetires: (worker, reason) => this.#workerRetires(worker, reason),
        workerEnded: (worker, end) => this.#workerEnded(worker, end),
        versionExcluded: (key, reason) => this.#models.exclude(key, reason),
      },
    });
  }

  #workerEnded(worker: WorkerProcess, end: WorkerEnd): void {
    this.#scheduler.detach(worker);
    if (this.#phase === 'draining') return;
    this.#metrics.workerLost();
    this.#logger.warn({ worker: worker.id, pid: worker.pid, ...end }, 'worker ended, it is replaced');
  }

  #workerRetires(worker: WorkerProcess, reason: RetireReason): void {
    this.#scheduler.detach(worker);
    this.#metrics.workerReplaced(reason);
    this.#logger.info({ worker: worker.id, pid: worker.pid, reason }, 'worker replaced by a fresh one');
  }

  async #folderChanged(): Promise<void> {
    try {
      await this.#models.reload(null);
    } catch (error) {
      this.#logger.error({ err: error }, 'the models folder could not be read again');
    }
  }

  #versionUnloaded({ model, version, manifest }: VersionRecord): void {
    if (manifest !== null) this.#statistics.forget(versionKey(manifest));
    this.#logger.info({ model, version }, 'version unloaded');
  }

  #versionReady(record: VersionRecord): void {
    const { model, version, state, verification, loadSeconds, manifest } = record;
    if (manifest !== null && loadSeconds !== null) this.#metrics.versionLoaded(versionKey(manifest), loadSeconds);
    this.#logger.info({ model, version, state, ...verification }, 'version verified');
    if (manifest === null || verification === null || !this.#config.calibrate) return;
    const key = versionKey(manifest);
    if (this.#scheduler.costOf(key)?.isCalibrated) return;
    this.#calibration.add({
      versionKey: key,
      batches: () =>
        calibrationBatches(
          { manifest, verification, pipeline: this.#catalog.of(manifest) },
          batchBoundsOn(record.executionProvider ?? 'cpu', this.#config),
        ),
    });
  }

  #versionFailed({ model, version, reason }: VersionRecord): void {
    this.#metrics.versionFailed(model, version);
    this.#logger.error({ model, version, reason }, 'version failed');
  }
}

function secondsSince(begunMs: number): number {
  return Math.round(performance.now() - begunMs) / 1000;
}

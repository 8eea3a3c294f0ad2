import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { messageOf } from './errors.ts';
import { type App, createApp, type ServerPhase } from './http/app.ts';
import { type Candidate, VersionVerifier } from './lifecycle/version-verifier.ts';
import { WeightsKeeper } from './lifecycle/weights-keeper.ts';
import { workerModel } from './lifecycle/worker-model.ts';
import { createLogger } from './observability/logger.ts';
import { Metrics } from './observability/metrics.ts';
import { PipelineCatalog } from './pipelines/pipeline-catalog.ts';
import { Predictor } from './pipelines/predictor.ts';
import { TensorPredictor } from './pipelines/tensor-predictor.ts';
import { versionKey } from './repository/manifest.ts';
import { ModelRepository } from './repository/model-repository.ts';
import type { VersionRecord } from './repository/version-lifecycle.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { type RetireReason, WorkerPool } from './workers/pool.ts';
import type { WorkerModel } from './workers/protocol.ts';
import type { WorkerEnd, WorkerProcess } from './workers/worker-process.ts';

/** The composition root: the only file that knows every room. */
export class Server {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #repository: ModelRepository;
  readonly #catalog = new PipelineCatalog();
  readonly #metrics: Metrics;
  readonly #scheduler: Scheduler;
  readonly #verifier: VersionVerifier;
  readonly #weights: WeightsKeeper;
  #candidates: readonly Candidate[] = [];
  #pool: WorkerPool | null = null;
  #app: App | null = null;
  #phase: ServerPhase = 'starting';

  constructor(config: Config) {
    this.#config = config;
    this.#logger = createLogger(config);
    this.#repository = new ModelRepository(config.models);
    this.#metrics = new Metrics({
      queuedItems: () =>
        this.#candidates.map(({ manifest }) => {
          const key = versionKey(manifest);
          return { versionKey: key, items: this.#scheduler.queuedItemsOf(key) };
        }),
      workers: () => this.#pool?.ready ?? [],
      servingWorkers: () => this.#pool?.serving.length ?? 0,
    });
    this.#weights = new WeightsKeeper(this.#logger);
    this.#scheduler = new Scheduler({ ...config, observer: this.#metrics });
    this.#verifier = new VersionVerifier({
      scheduler: this.#scheduler,
      readyWorkers: () => this.#pool?.serving ?? [],
      versionLoaded: (key, seconds) => this.#metrics.versionLoaded(key, seconds),
    });
  }

  /** Where the server listens; the empty text before it does. */
  get url(): string {
    return this.#app?.listeningOrigin ?? '';
  }

  /** Listens at once, then loads and verifies the models. Resolves when the server is ready. */
  async start(): Promise<void> {
    const begun = performance.now();
    const app = await this.#listen();
    for (const problem of await this.#repository.read()) this.#logger.error({ problem }, 'folder passed over');
    this.#candidates = this.#repository.records.flatMap((record) => this.#candidate(record));
    await this.#startPool();
    await this.#verifier.verifyAll(this.#candidates);
    for (const record of this.#repository.records) this.#logVersion(record);
    this.#pool?.settle(this.#servedModels());
    for (const worker of this.#pool?.serving ?? []) this.#scheduler.attach(worker);
    if (this.#phase !== 'starting') return;
    this.#phase = 'ready';
    const url = app.listeningOrigin;
    this.#logger.info({ url, docs: `${url}/docs`, seconds: secondsSince(begun) }, 'ready');
    for (const worker of this.#pool?.serving ?? []) this.#weights.look(this.#servedModels(), worker.loads);
  }

  /**
   * Refuses new work, finishes what was accepted, ends the workers.
   * @returns false where accepted requests were left over at the drain limit.
   */
  async stop(reason: string): Promise<boolean> {
    this.#phase = 'draining';
    this.#logger.info({ reason, requests: 'finishing' }, 'draining');
    const drained = Promise.all([this.#app?.close(), this.#scheduler.drained()]).then(() => true);
    this.#weights.stop();
    const clean = await Promise.race([drained, delay(this.#config.drainTimeoutMs, false, { ref: false })]);
    await this.#pool?.stop();
    this.#logger.info({ clean }, 'stopped');
    return clean;
  }

  async #listen(): Promise<App> {
    const { host, port } = this.#config;
    this.#app = await createApp({
      config: this.#config,
      logger: this.#logger,
      repository: this.#repository,
      predictor: new Predictor({ repository: this.#repository, catalog: this.#catalog, scheduler: this.#scheduler }),
      tensorPredictor: new TensorPredictor({ repository: this.#repository, scheduler: this.#scheduler }),
      metrics: this.#metrics,
      observer: this.#metrics,
      checkDoor: (timeoutMs) => this.#scheduler.checkDoor(timeoutMs),
      phase: () => this.#phase,
      costOf: (manifest) => this.#scheduler.costOf(versionKey(manifest))?.coefficients ?? null,
    });
    await this.#app.listen({ host, port, listenTextResolver: (address) => `listening on ${address}` });
    return this.#app;
  }

  #candidate(record: VersionRecord): Candidate[] {
    const { manifest } = record;
    if (manifest === null) return [];
    try {
      return [{ record, manifest, pipeline: this.#catalog.add(manifest) }];
    } catch (error) {
      record.fail(`tokenizer.json: ${messageOf(error)}`);
      return [];
    }
  }

  async #startPool(): Promise<void> {
    const { workers: count, spareWorkers: spares, workerStartTimeoutMs: startTimeoutMs } = this.#config;
    this.#pool = new WorkerPool({
      ...this.#config,
      count,
      spares,
      startTimeoutMs,
      observer: {
        workerReady: (worker) => {
          if (this.#phase !== 'ready') return;
          this.#scheduler.attach(worker);
          this.#weights.look(this.#servedModels(), worker.loads);
        },
        workerRetires: (worker, reason) => this.#workerRetires(worker, reason),
        workerEnded: (worker, end) => this.#workerEnded(worker, end),
        versionExcluded: (key, reason) => this.#recordOf(key)?.fail(reason),
      },
    });
    await this.#pool.start(this.#candidates.map(({ manifest }) => workerModel(manifest, this.#config)));
  }

  #workerEnded(worker: WorkerProcess, end: WorkerEnd): void {
    this.#scheduler.detach(worker);
    if (this.#phase === 'draining') return;
    this.#metrics.workerLost();
    this.#logger.warn({ worker: worker.id, pid: worker.pid, ...end }, 'worker ended, it is replaced');
  }

  #recordOf(key: string): VersionRecord | undefined {
    return this.#candidates.find(({ manifest }) => versionKey(manifest) === key)?.record;
  }

  #servedModels(): WorkerModel[] {
    const served = this.#candidates.filter(({ record }) => record.state === 'ready');
    return served.map(({ manifest }) => workerModel(manifest, this.#config));
  }

  #workerRetires(worker: WorkerProcess, reason: RetireReason): void {
    this.#scheduler.detach(worker);
    this.#metrics.workerReplaced(reason);
    this.#logger.info({ worker: worker.id, pid: worker.pid, reason }, 'worker replaced by a fresh one');
  }

  #logVersion({ model, version, state, reason, verification }: VersionRecord): void {
    if (state === 'failed') this.#logger.error({ model, version, reason }, 'version failed');
    else this.#logger.info({ model, version, state, ...verification }, 'version verified');
  }
}

function secondsSince(begunMs: number): number {
  return Math.round(performance.now() - begunMs) / 1000;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { messageOf } from './errors.ts';
import { type App, createApp, type ServerPhase } from './http/app.ts';
import { createLogger } from './observability/logger.ts';
import { Metrics } from './observability/metrics.ts';
import { verify } from './pipelines/golden-gate.ts';
import type { Pipeline } from './pipelines/pipeline.ts';
import { PipelineCatalog } from './pipelines/pipeline-catalog.ts';
import { Predictor } from './pipelines/predictor.ts';
import { type Manifest, versionKey } from './repository/manifest.ts';
import { ModelRepository } from './repository/model-repository.ts';
import type { VersionRecord } from './repository/version-lifecycle.ts';
import { IMAGE_PRIOR, TEXT_PRIOR } from './scheduler/cost-model.ts';
import { ExecutorLostError } from './scheduler/executor.ts';
import type { EncodedItem } from './scheduler/item.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { WorkerPool } from './workers/pool.ts';
import type { CollateSpec, WorkerModel } from './workers/protocol.ts';
import type { WorkerEnd, WorkerProcess } from './workers/worker-process.ts';

/** A version that was read from its folder and has a pipeline. */
interface Candidate {
  readonly record: VersionRecord;
  readonly manifest: Manifest;
  readonly pipeline: Pipeline;
}

/** Workers that may end during one version's verification before it is failed. */
const MAX_VERIFY_ATTEMPTS = 3;

/** The composition root: the only file that knows every room. */
export class Server {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #repository: ModelRepository;
  readonly #catalog = new PipelineCatalog();
  readonly #metrics: Metrics;
  readonly #scheduler: Scheduler;
  /** Workers that a verification holds: between two of its batches they are idle, but not free. */
  readonly #verifying = new Set<WorkerProcess>();
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
      workers: () => [...(this.#pool?.workers ?? [])].filter(({ ready }) => ready),
    });
    this.#scheduler = new Scheduler({ ...config, observer: this.#metrics });
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
    await this.#verifyAll();
    for (const record of this.#repository.records) this.#logVersion(record);
    for (const worker of this.#readyWorkers()) this.#scheduler.attach(worker);
    if (this.#phase !== 'starting') return;
    this.#phase = 'ready';
    const url = app.listeningOrigin;
    this.#logger.info({ url, docs: `${url}/docs`, seconds: secondsSince(begun) }, 'ready');
  }

  /**
   * Refuses new work, finishes what was accepted, ends the workers.
   * @returns false where accepted requests were left over at the drain limit.
   */
  async stop(reason: string): Promise<boolean> {
    this.#phase = 'draining';
    this.#logger.info({ reason, requests: 'finishing' }, 'draining');
    const drained = Promise.all([this.#app?.close(), this.#scheduler.drained()]).then(() => true);
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
    const { workers: count, workerStartTimeoutMs: startTimeoutMs } = this.#config;
    this.#pool = new WorkerPool({
      count,
      startTimeoutMs,
      models: this.#candidates.map(({ manifest }) => workerModel(manifest, this.#config)),
      observer: {
        workerReady: (worker) => {
          if (this.#phase === 'ready') this.#scheduler.attach(worker);
        },
        workerEnded: (worker, end) => this.#workerEnded(worker, end),
        versionExcluded: (key, reason) => this.#recordOf(key)?.fail(reason),
      },
    });
    await this.#pool.start();
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

  #readyWorkers(): WorkerProcess[] {
    return [...(this.#pool?.workers ?? [])].filter(({ ready }) => ready);
  }

  /** Each worker takes the next version that is not verified yet. */
  async #verifyAll(): Promise<void> {
    const left = this.#candidates.filter(({ record }) => record.state === 'loading');
    for (const { record } of left) record.moveTo('verifying');
    const turn = async () => {
      for (let candidate = left.shift(); candidate !== undefined; candidate = left.shift())
        await this.#verify(candidate);
    };
    await Promise.all(this.#readyWorkers().map(turn));
  }

  async #verify({ record, manifest, pipeline }: Candidate): Promise<void> {
    const key = versionKey(manifest);
    for (let attempt = 1; record.state === 'verifying'; attempt++) {
      const worker = await this.#reserveWorker();
      try {
        const load = worker.loads.get(key);
        if (load === undefined || !load.ok) {
          record.fail(loadFailure(manifest, load?.message ?? 'was not loaded'));
          return;
        }
        record.loadSeconds = load.seconds;
        this.#metrics.versionLoaded(key, load.seconds);
        const verification = await verify(pipeline, worker);
        const batching = !['unsafe', 'off'].includes(verification.batching);
        const prior = manifest.task === 'image-classification' ? IMAGE_PRIOR : TEXT_PRIOR;
        this.#scheduler.addVersion(key, { batching, prior });
        record.becomeReady(verification);
      } catch (error) {
        if (error instanceof ExecutorLostError && attempt < MAX_VERIFY_ATTEMPTS) continue;
        record.fail(messageOf(error));
      } finally {
        this.#verifying.delete(worker);
      }
    }
  }

  async #reserveWorker(): Promise<WorkerProcess> {
    for (;;) {
      const free = this.#readyWorkers().find((worker) => !this.#verifying.has(worker));
      if (free !== undefined) {
        this.#verifying.add(free);
        return free;
      }
      await delay(5);
    }
  }

  #logVersion({ model, version, state, reason, verification }: VersionRecord): void {
    if (state === 'failed') this.#logger.error({ model, version, reason }, 'version failed');
    else this.#logger.info({ model, version, state, ...verification }, 'version verified');
  }
}

function workerModel(manifest: Manifest, config: Config): WorkerModel {
  const { classification, modelFile } = manifest;
  return {
    versionKey: versionKey(manifest),
    modelFile,
    collate: collateSpec(manifest, config.maxImagePixels),
    outputs: [classification.output],
    warmUp: warmUpBatches(manifest, config),
  };
}

/** The longest text, and the widest batch of short ones. */
function warmUpBatches(manifest: Manifest, { maxBatchItems, maxBatchTokens }: Config): EncodedItem[][] {
  if (manifest.task !== 'text-classification') return [];
  const { padId, maxTokens } = manifest.text;
  const texts = (count: number, size: number): EncodedItem[] =>
    Array.from({ length: count }, () => ({ kind: 'tokens', ids: new Int32Array(size).fill(padId) }));
  const size = Math.max(1, Math.min(maxTokens, Math.floor(maxBatchTokens / maxBatchItems)));
  return manifest.batching === 'off' ? [texts(1, maxTokens)] : [texts(1, maxTokens), texts(maxBatchItems, size)];
}

function collateSpec(manifest: Manifest, maxPixels: number): CollateSpec {
  switch (manifest.task) {
    case 'text-classification': {
      const { inputNames, padId, padTypeId, paddingSide, fixedLength } = manifest.text;
      return { kind: 'tokens', inputNames, padId, padTypeId, paddingSide, fixedLength };
    }
    case 'image-classification':
      return { kind: 'image', image: manifest.image, maxPixels };
  }
}

/** The runtime's words name the file by its path, which is nobody's business. */
function loadFailure({ folder, modelFile }: Manifest, message: string): string {
  return `${modelFile.slice(folder.length + 1)}: ${message.replaceAll(`${folder}/`, '')}`;
}

function secondsSince(begunMs: number): number {
  return Math.round(performance.now() - begunMs) / 1000;
}

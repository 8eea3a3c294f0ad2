import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AnsweredRequest, HttpObserver } from '../http/http-observer.ts';
import { parseVersionKey } from '../repository/manifest.ts';
import type { VersionRecord } from '../repository/version-lifecycle.ts';
import type { CostCoefficients } from '../scheduler/cost-model.ts';
import type { DropReason, RanBatch, SchedulerObserver } from '../scheduler/observer.ts';
import type { RetireReason } from '../workers/pool-options.ts';
import { SECONDS, STEP_SECONDS } from './buckets.ts';
import { InTurns } from './in-turns.ts';
import { KeyMetrics } from './key-metrics.ts';
import { RequestMetrics, VERSION_LABELS } from './request-metrics.ts';
import { registerVersionMetrics } from './version-metrics.ts';
import { registerWorkerMetrics, type WorkerSnapshots } from './worker-metrics.ts';

/** What is read at the moment of a scrape. */
export interface Snapshots extends WorkerSnapshots {
  readonly queuedItems: () => readonly { readonly versionKey: string; readonly items: number }[];
  readonly versions: () => readonly VersionRecord[];
  /** Predicted ms until all that waits has been given to workers. */
  readonly queueWaitMs: () => number;
  readonly costs: () => readonly { readonly versionKey: string; readonly cost: CostCoefficients }[];
  readonly receivingBytes?: () => number;
}

/** What is counted of a batch: not its items, which are large. */
type CountedBatch = Pick<RanBatch, 'versionKey' | 'items' | 'queueMs' | 'collateMs' | 'runMs' | 'pixels'>;

export interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/**
 * All metrics, in Prometheus' convention: base units, `_total` for counters. The labels of a request come from its route
 * and the version that answered it, so that no client can make new series.
 */
export class Metrics implements HttpObserver, SchedulerObserver {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];

  readonly keys = new KeyMetrics(this.#registers);
  readonly #requests = new RequestMetrics(this.#registers);
  readonly #answered = new InTurns((answered: readonly AnsweredRequest[]) => this.#requests.count(answered));
  readonly #ran = new InTurns((batches: readonly CountedBatch[]) => {
    for (const batch of batches) this.#countRan(batch);
  });
  readonly #queueSeconds = new Histogram({
    name: 'serval_queue_duration_seconds',
    help: 'Time an item waited for a worker.',
    labelNames: VERSION_LABELS,
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly #collateSeconds = new Histogram({
    name: 'serval_collate_duration_seconds',
    help: 'Time a worker took to make a batch’s items into tensors: padding of texts, decoding and resizing of images.',
    labelNames: VERSION_LABELS,
    buckets: STEP_SECONDS,
    registers: this.#registers,
  });
  readonly #runSeconds = new Histogram({
    name: 'serval_run_duration_seconds',
    help: 'Time a worker took to run a batch through the graph.',
    labelNames: VERSION_LABELS,
    buckets: STEP_SECONDS,
    registers: this.#registers,
  });
  readonly #batchItems = new Histogram({
    name: 'serval_batch_items',
    help: 'Items of a batch.',
    labelNames: VERSION_LABELS,
    buckets: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128],
    registers: this.#registers,
  });
  readonly #items = new Counter({
    name: 'serval_items_total',
    help: 'Items that ran.',
    labelNames: VERSION_LABELS,
    registers: this.#registers,
  });
  readonly #imagePixels = new Counter({
    name: 'serval_image_pixels_total',
    help: 'Pixels of the image files that were decoded.',
    labelNames: VERSION_LABELS,
    registers: this.#registers,
  });
  readonly #dropped = new Counter({
    name: 'serval_items_dropped_total',
    help: 'Items taken out of the queue before they ran.',
    labelNames: [...VERSION_LABELS, 'reason'],
    registers: this.#registers,
  });
  readonly #reused = new Counter({
    name: 'serval_items_reused_total',
    help: 'Items answered without a run of their own: shared with the same item in flight, or from the cache.',
    labelNames: [...VERSION_LABELS, 'from'],
    registers: this.#registers,
  });
  readonly #workerRestarts = new Counter({
    name: 'serval_worker_restarts_total',
    help: 'Workers that ended without being told to.',
    registers: this.#registers,
  });
  readonly #workersReplaced = new Counter({
    name: 'serval_workers_replaced_total',
    help: 'Workers that a fresh one took the place of: for other models, after so many batches, or above a memory limit.',
    labelNames: ['reason'],
    registers: this.#registers,
  });
  readonly #versionFailures = new Counter({
    name: 'serval_version_failures_total',
    help: 'Versions that did not pass their gates, or were taken out; GET /models and the log say why.',
    labelNames: VERSION_LABELS,
    registers: this.#registers,
  });
  readonly #loadSeconds = new Gauge({
    name: 'serval_model_load_duration_seconds',
    help: 'Time the last load of a version took in a worker.',
    labelNames: VERSION_LABELS,
    registers: this.#registers,
  });

  constructor(snapshots: Snapshots) {
    const registers = this.#registers;
    collectDefaultMetrics({ register: this.#registry });
    registerVersionMetrics(registers, snapshots.versions);
    registerWorkerMetrics(registers, snapshots);
    new Gauge({
      name: 'serval_queue_items',
      help: 'Items waiting for a worker.',
      labelNames: VERSION_LABELS,
      registers,
      collect() {
        this.reset();
        for (const { versionKey, items } of snapshots.queuedItems()) this.set(parseVersionKey(versionKey), items);
      },
    });
    new Gauge({
      name: 'serval_queue_wait_seconds',
      help: 'Predicted time until all that waits has been given to workers.',
      registers,
      collect() {
        this.set(snapshots.queueWaitMs() / 1000);
      },
    });
    new Gauge({
      name: 'serval_cost_seconds',
      help: 'Predicted worker time of B items of S tokens: the term base, per_token times B·S, per_token_squared times B·S².',
      labelNames: [...VERSION_LABELS, 'term'],
      registers,
      collect() {
        this.reset();
        for (const { versionKey, cost } of snapshots.costs()) {
          const labels = parseVersionKey(versionKey);
          this.set({ ...labels, term: 'base' }, cost.base / 1000);
          this.set({ ...labels, term: 'per_token' }, cost.perToken / 1000);
          this.set({ ...labels, term: 'per_token_squared' }, cost.perTokenPair / 1000);
        }
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    this.#answered.flush();
    this.#ran.flush();
    return this.#registry.metrics();
  }

  /** Serval's own metrics, in the order of their names; the README's table is generated from this. */
  describe(): MetricDescription[] {
    const described = this.#registry.getMetricsAsArray().filter(({ name }) => name.startsWith('serval_'));
    return described
      .map((metric) => ({
        name: metric.name,
        type: typeOf(metric),
        labels: 'labelNames' in metric ? [metric.labelNames].flat().map(String) : [],
        help: metric.help,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  requestAnswered(answered: AnsweredRequest): void {
    this.#answered.add(answered);
  }

  batchRan({ versionKey, items, queueMs, collateMs, runMs, pixels }: RanBatch): void {
    this.#ran.add({ versionKey, items, queueMs, collateMs, runMs, pixels });
  }

  #countRan(batch: CountedBatch): void {
    const labels = parseVersionKey(batch.versionKey);
    this.#batchItems.observe(labels, batch.items);
    this.#items.inc(labels, batch.items);
    this.#collateSeconds.observe(labels, batch.collateMs / 1000);
    this.#runSeconds.observe(labels, batch.runMs / 1000);
    if (batch.pixels > 0) this.#imagePixels.inc(labels, batch.pixels);
    for (const ms of batch.queueMs) this.#queueSeconds.observe(labels, ms / 1000);
  }

  itemDropped(versionKey: string, reason: DropReason): void {
    this.#dropped.inc({ ...parseVersionKey(versionKey), reason });
  }

  itemReused(versionKey: string, from: 'shared' | 'cached'): void {
    this.#reused.inc({ ...parseVersionKey(versionKey), from });
  }

  workerLost(): void {
    this.#workerRestarts.inc();
  }

  workerReplaced(reason: RetireReason): void {
    this.#workersReplaced.inc({ reason });
  }

  versionFailed(model: string, version: number): void {
    this.#versionFailures.inc({ model, version: String(version) });
  }

  versionLoaded(versionKey: string, seconds: number): void {
    this.#loadSeconds.set(parseVersionKey(versionKey), seconds);
  }
}

function typeOf(metric: object): MetricDescription['type'] {
  if (metric instanceof Counter) return 'counter';
  return metric instanceof Histogram ? 'histogram' : 'gauge';
}

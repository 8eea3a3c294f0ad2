import type { WorkerModel } from '../workers/protocol.ts';
import { type Building, buildWeights } from '../workers/weights-building.ts';
import type { LoadOutcome } from '../workers/worker-process.ts';

export interface WeightsLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * Sees to it that the next worker finds in the cache what this one did not: shared weights are written beside a server
 * that serves already, never before it does. Where the cache cannot be written, workers keep copies of their own.
 */
export class WeightsKeeper {
  readonly #log: WeightsLog;
  /** Versions that were tried once; a cache that cannot be written is not tried at every worker's start. */
  readonly #tried = new Set<string>();
  #waiting: WorkerModel[] = [];
  #building: Building | null = null;
  #isStopped = false;

  constructor(log: WeightsLog) {
    this.#log = log;
  }

  /** To be called with a worker that serves: what it loaded, and how. */
  look(models: readonly WorkerModel[], loads: ReadonlyMap<string, LoadOutcome>): void {
    for (const model of models) {
      const load = loads.get(model.versionKey);
      if (model.cache === null || load === undefined || !load.ok || load.weights === 'shared') continue;
      if (this.#tried.has(model.versionKey)) continue;
      if (load.weights === 'damaged') this.#log.warn({ version: model.versionKey }, 'shared weights are damaged');
      this.#tried.add(model.versionKey);
      this.#waiting.push(model);
    }
    this.#build();
  }

  stop(): void {
    this.#isStopped = true;
    this.#building?.stop();
  }

  #build(): void {
    if (this.#isStopped || this.#building !== null || this.#waiting.length === 0) return;
    const models = this.#waiting;
    this.#waiting = [];
    const problems: Record<string, string> = Object.fromEntries(
      models.map(({ versionKey }) => [versionKey, 'the process that writes them ended']),
    );
    const begun = performance.now();
    this.#building = buildWeights(models, ({ versionKey, problem }) => {
      if (problem === null) delete problems[versionKey];
      else problems[versionKey] = problem;
    });
    void this.#building.ended.then(() => {
      this.#building = null;
      if (this.#isStopped) return;
      const written = models.map(({ versionKey }) => versionKey).filter((key) => !(key in problems));
      const seconds = Math.round(performance.now() - begun) / 1000;
      if (written.length > 0) this.#log.info({ versions: written, seconds }, 'weights to share are in the cache');
      if (Object.keys(problems).length > 0) {
        this.#log.warn({ problems }, 'weights cannot be shared: each worker keeps its own, see SERVAL_CACHE_DIR');
      }
      this.#build();
    });
  }
}

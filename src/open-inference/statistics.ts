import type { EndedInference, InferenceObserver } from '../pipelines/inference-observer.ts';
import { versionKey } from '../repository/manifest.ts';
import type { ModelRepository } from '../repository/model-repository.ts';
import type { RanBatch } from '../scheduler/observer.ts';

/** How often, and how long in all. */
export interface Duration {
  readonly count: number;
  readonly ns: number;
}

/**
 * The statistics extension. success and fail count requests of every protocol; queue and the parts of compute count items.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md
 */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** ms since 1970; 0 before the first. */
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<
    Record<
      'success' | 'fail' | 'queue' | 'compute_input' | 'compute_infer' | 'compute_output' | 'cache_hit' | 'cache_miss',
      Duration
    >
  >;
  readonly batch_stats: readonly ({ readonly batch_size: number } & Readonly<
    Record<'compute_input' | 'compute_infer' | 'compute_output', Duration>
  >)[];
}

const NS_PER_MS = 1e6;
const NEVER: Duration = { count: 0, ns: 0 };

class Tally {
  #count = 0;
  #ms = 0;

  add(ms: number, times = 1): void {
    this.#count += times;
    this.#ms += ms * times;
  }

  get duration(): Duration {
    return { count: this.#count, ns: Math.round(this.#ms * NS_PER_MS) };
  }
}

class VersionTallies {
  readonly success = new Tally();
  readonly fail = new Tally();
  readonly queue = new Tally();
  readonly computeInput = new Tally();
  readonly computeInfer = new Tally();
  readonly computeOutput = new Tally();
  /** By the number of items. */
  readonly batches = new Map<number, { readonly input: Tally; readonly infer: Tally }>();
  items = 0;
  executions = 0;
  lastInference = 0;
}

/** Counts what each version did since the server began. */
export class InferenceStatistics implements InferenceObserver {
  readonly #tallies = new Map<string, VersionTallies>();

  batchRan({ versionKey: key, items, queueMs, collateMs, runMs }: RanBatch): void {
    const tallies = this.#of(key);
    tallies.executions += 1;
    tallies.items += items;
    for (const ms of queueMs) tallies.queue.add(ms);
    tallies.computeInput.add(collateMs, items);
    tallies.computeInfer.add(runMs, items);
    const batch = tallies.batches.get(items) ?? { input: new Tally(), infer: new Tally() };
    tallies.batches.set(items, batch);
    batch.input.add(collateMs);
    batch.infer.add(runMs);
  }

  inferenceEnded({ manifest, ok, begunAt, endedAt, decodeMs }: EndedInference): void {
    const totalMs = endedAt - begunAt;
    const tallies = this.#of(versionKey(manifest));
    if (!ok) {
      tallies.fail.add(totalMs);
      return;
    }
    tallies.success.add(totalMs);
    tallies.computeOutput.add(decodeMs);
    tallies.lastInference = Date.now();
  }

  /** A version that is gone takes its counts along. */
  forget(key: string): void {
    this.#tallies.delete(key);
  }

  /**
   * Of all versions that have a manifest, or of those of one model, or of one version of it. The graph of a model with a
   * pipeline runs in the same session, and has its counts.
   * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND, SERVAL_VERSION_NOT_READY
   */
  of(repository: ModelRepository, name: string | null, version: number | null): ModelStatistics[] {
    const model = name === null ? null : (repository.ownerOfGraph(name) ?? name);
    if (model !== null && version !== null) repository.resolve(model, version);
    const records = model === null ? repository.records : repository.versionsOf(model);
    return records.flatMap((record) => {
      if (record.manifest === null || (version !== null && record.version !== version)) return [];
      const tallies = this.#tallies.get(versionKey(record.manifest)) ?? new VersionTallies();
      return [describe(name ?? record.model, record.version, tallies)];
    });
  }

  #of(key: string): VersionTallies {
    const tallies = this.#tallies.get(key) ?? new VersionTallies();
    this.#tallies.set(key, tallies);
    return tallies;
  }
}

function describe(name: string, version: number, tallies: VersionTallies): ModelStatistics {
  return {
    name,
    version: String(version),
    last_inference: tallies.lastInference,
    inference_count: tallies.items,
    execution_count: tallies.executions,
    inference_stats: {
      success: tallies.success.duration,
      fail: tallies.fail.duration,
      queue: tallies.queue.duration,
      compute_input: tallies.computeInput.duration,
      compute_infer: tallies.computeInfer.duration,
      compute_output: tallies.computeOutput.duration,
      cache_hit: NEVER,
      cache_miss: NEVER,
    },
    batch_stats: [...tallies.batches]
      .sort(([a], [b]) => a - b)
      .map(([batchSize, { input, infer }]) => ({
        batch_size: batchSize,
        compute_input: input.duration,
        compute_infer: infer.duration,
        compute_output: NEVER,
      })),
  };
}

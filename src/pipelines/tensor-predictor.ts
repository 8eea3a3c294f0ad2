import { ServalError } from '../errors.ts';
import { GRAPH_SUFFIX, type Manifest, versionKey } from '../repository/manifest.ts';
import type { ModelRepository, ReadyVersion } from '../repository/model-repository.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Priority } from '../scheduler/scheduler-options.ts';
import type { InferenceObserver } from './inference-observer.ts';
import { type ClientConnection, resultsOf, type Timings } from './predictor.ts';
import { type NamedTensors, TensorPipeline } from './tensor.ts';

/** Raw tensors for a graph, whatever protocol they came by. */
export interface TensorRequest {
  /** A bare graph by its name, or the graph of a model with a pipeline as `<model>.graph`. */
  readonly model: string;
  /** Null for the served one. */
  readonly version: number | null;
  readonly inputs: NamedTensors;
  /** Outputs to compute; null for all. */
  readonly outputs: readonly string[] | null;
  readonly timeoutMs: number;
  readonly priority: Priority;
}

export interface TensorAnswer {
  readonly manifest: Manifest;
  /** The outputs asked for, in that order. */
  readonly outputs: NamedTensors;
  /** Nobody else has the outputs: their memory may be given back when they are sent. */
  readonly ownsOutputs: boolean;
  readonly timings: Timings;
}

export interface TensorPredictorOptions {
  readonly repository: ModelRepository;
  readonly scheduler: Scheduler;
  readonly observer: InferenceObserver;
}

/** The way of raw tensors to a model: resolve, check, schedule. One request is one item of the scheduler. */
export class TensorPredictor {
  readonly #repository: ModelRepository;
  readonly #scheduler: Scheduler;
  readonly #observer: InferenceObserver;

  constructor({ repository, scheduler, observer }: TensorPredictorOptions) {
    this.#observer = observer;
    this.#repository = repository;
    this.#scheduler = scheduler;
  }

  /** @throws ServalError */
  async infer(request: TensorRequest, client: ClientConnection): Promise<TensorAnswer> {
    const begunAt = performance.now();
    const resolved = this.resolve(request.model, request.version);
    const { manifest, record } = resolved;
    const ended = (ok: boolean, encodeMs: number) =>
      this.#observer.inferenceEnded({ manifest, ok, begunAt, endedAt: performance.now(), encodeMs, decodeMs: 0 });
    // A version that is taken out of service waits for those who use it.
    record.acquire();
    try {
      const answer = await this.#answer(resolved, request, client);
      ended(true, answer.timings.encodeMs);
      return answer;
    } catch (error) {
      ended(false, 0);
      throw error;
    } finally {
      record.release();
    }
  }

  async #answer(
    { manifest, record }: ReadyVersion,
    request: TensorRequest,
    client: ClientConnection,
  ): Promise<TensorAnswer> {
    const begun = performance.now();
    const batches = !['unsafe', 'off', undefined].includes(record.verification?.batching);
    const item = new TensorPipeline(manifest, batches).encode(request.inputs, request.outputs);
    const encodeMs = performance.now() - begun;
    if (client.isClosed()) throw new ServalError('SERVAL_CLIENT_CLOSED', 'The client went away.');
    const { timeoutMs, priority } = request;
    const waitedMs = client.waitedMs();
    const submission = this.#scheduler.submit(versionKey(manifest), [item], {
      timeoutMs,
      waitedMs,
      priority,
      client: client.key,
    });
    // A version that is taken out of service waits for those who use it.
    record.acquire();
    const [result] = await resultsOf(this.#scheduler, submission, client).finally(() => record.release());
    if (result === undefined) throw new Error('This is a bug: an answer without a result');
    const { output, batchItems, queueMs, runMs } = result;
    // The outputs of a batch come in one piece of memory.
    return { manifest, outputs: output, ownsOutputs: batchItems === 1, timings: { encodeMs, queueMs, runMs } };
  }

  /**
   * The version that a name means here.
   * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND, SERVAL_VERSION_NOT_READY, SERVAL_INPUT_KIND
   */
  resolve(name: string, version: number | null): ReadyVersion {
    const owner = this.#repository.ownerOfGraph(name);
    const resolved = this.#repository.resolve(owner ?? name, version);
    if ((resolved.manifest.task === 'tensor') === (owner === null)) return resolved;
    const wanted = owner ?? `${name}${GRAPH_SUFFIX}`;
    throw new ServalError('SERVAL_MODEL_NOT_FOUND', `"${name}" takes no raw tensors; "${wanted}" does.`);
  }
}

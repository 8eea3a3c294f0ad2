import { ServalError } from '../errors.ts';
import { freeOwnMemory } from '../off-heap.ts';
import { type ClassifierManifest, versionKey } from '../repository/manifest.ts';
import type { ModelRepository } from '../repository/model-repository.ts';
import type { VersionRecord } from '../repository/version-lifecycle.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Priority } from '../scheduler/scheduler-options.ts';
import type { ItemResult, Submission } from '../scheduler/submission.ts';
import { Encoder } from './encoder.ts';
import type { InferenceObserver } from './inference-observer.ts';
import type { Input, InputKind, Pipeline, Prediction, PredictOptions } from './pipeline.ts';
import type { PipelineCatalog } from './pipeline-catalog.ts';

/** One request, whatever protocol it came by. */
export interface PredictRequest {
  /** Null where exactly one model takes this kind of input. */
  readonly model: string | null;
  /** Null for the served one. */
  readonly version: number | null;
  readonly inputs: readonly Input[];
  readonly options: PredictOptions;
  readonly timeoutMs: number;
  readonly priority: Priority;
}

/** What tells a request's version. */
export type Addressed = Pick<PredictRequest, 'model' | 'version'> & {
  readonly inputs: readonly Pick<Input, 'kind'>[];
};

/** The version that answers, and what makes its answer. */
export interface Resolved {
  readonly record: VersionRecord;
  readonly manifest: ClassifierManifest;
  readonly pipeline: Pipeline;
}

/** Where a request's time went, in ms: the longest of its items for queue and run. */
export interface Timings {
  readonly encodeMs: number;
  readonly queueMs: number;
  readonly runMs: number;
}

export interface PredictAnswer {
  readonly manifest: ClassifierManifest;
  readonly predictions: readonly Prediction[];
  readonly tokens: number;
  /** Inputs that were cut to the model's limit. */
  readonly truncated: number;
  /** Of all images, as they came. */
  readonly imageBytes: number;
  /** Inputs answered with another request's computation, and from the cache. */
  readonly shared: number;
  readonly cached: number;
  readonly timings: Timings;
}

export interface PredictorOptions {
  readonly repository: ModelRepository;
  readonly catalog: PipelineCatalog;
  readonly scheduler: Scheduler;
  readonly observer: InferenceObserver;
}

/** The one way to a model: resolve, encode, schedule, decode. Every protocol stands in front of it. */
export class Predictor {
  readonly #repository: ModelRepository;
  readonly #catalog: PipelineCatalog;
  readonly #scheduler: Scheduler;
  readonly #observer: InferenceObserver;
  readonly #encoder = new Encoder();

  constructor({ repository, catalog, scheduler, observer }: PredictorOptions) {
    this.#observer = observer;
    this.#repository = repository;
    this.#catalog = catalog;
    this.#scheduler = scheduler;
  }

  /**
   * The images of a request that was answered are given back: the caller must not use their memory again.
   * @param aborted asked for when the client may have gone away; its work is then taken out of the queue.
   * @throws ServalError
   */
  async predict(request: PredictRequest, client: ClientConnection): Promise<PredictAnswer> {
    const resolved = this.resolve(request);
    const { manifest, record } = resolved;
    const begunAt = performance.now();
    const ended = (ok: boolean, encodeMs: number, decodeMs: number) =>
      this.#observer.inferenceEnded({ manifest, ok, begunAt, endedAt: performance.now(), encodeMs, decodeMs });
    // A version that is taken out of service waits for those who use it.
    record.acquire();
    try {
      const { answer, decodeMs } = await this.#predictWith(resolved, request, client);
      ended(true, answer.timings.encodeMs, decodeMs);
      return answer;
    } catch (error) {
      ended(false, 0, 0);
      throw error;
    } finally {
      record.release();
    }
  }

  async #predictWith(
    { manifest, pipeline }: Resolved,
    request: PredictRequest,
    client: ClientConnection,
  ): Promise<{ readonly answer: PredictAnswer; readonly decodeMs: number }> {
    const { options } = request;
    pipeline.checkOptions(options);
    const key = versionKey(manifest);
    const { timeoutMs, priority } = request;
    this.#scheduler.door.check({ versionKey: key, timeoutMs, waitedMs: client.waitedMs() });
    const begun = performance.now();
    const [first] = request.inputs;
    const encoded =
      first !== undefined && request.inputs.length === 1
        ? this.#encoder.encodeAlone(pipeline, first, options)
        : await this.#encoder.encodeAll(pipeline, request.inputs, options);
    const encodeMs = performance.now() - begun;
    if (client.isClosed()) throw new ServalError('SERVAL_CLIENT_CLOSED', 'The client went away.');
    const items = encoded.map(({ item }) => item);
    const waitedMs = client.waitedMs();
    const submission = this.#scheduler.submit(key, items, { timeoutMs, waitedMs, priority, client: client.key });
    const results = await resultsOf(this.#scheduler, submission, client);
    const imageBytes = bytesOfImages(request.inputs);
    // A request that fails may have items that still run, or that others wait for: theirs is collected some time.
    for (const input of request.inputs) if (input.kind === 'image') freeOwnMemory(input.bytes);
    const decodeBegun = performance.now();
    const predictions = results.map(({ output }) => pipeline.decode(output, options));
    const answer = {
      manifest,
      predictions,
      tokens: encoded.reduce((total, { tokens }) => total + tokens, 0),
      truncated: encoded.filter(({ truncated }) => truncated).length,
      imageBytes,
      shared: results.filter(({ from }) => from === 'shared').length,
      cached: results.filter(({ from }) => from === 'cached').length,
      timings: {
        encodeMs,
        queueMs: Math.max(...results.map(({ queueMs }) => queueMs)),
        runMs: Math.max(...results.map(({ runMs }) => runMs)),
      },
    };
    return { answer, decodeMs: performance.now() - decodeBegun };
  }

  /** The version that a request names, or the served version of the only model that takes its kind of input. */
  resolve({ model, version, inputs }: Addressed): Resolved {
    const kind = inputs[0]?.kind ?? 'text';
    if (model === null) return this.#onlyModelFor(kind);
    const { record, manifest } = this.#repository.resolve(model, version);
    const pipeline = this.#catalog.of(manifest);
    if (pipeline?.inputKind === kind) return { record, manifest: pipeline.manifest, pipeline };
    const taken = pipeline?.inputKind ?? 'raw tensors, which POST /v2/models/{model}/infer sends';
    throw new ServalError('SERVAL_INPUT_KIND', `"${model}" takes ${taken}; the inputs are ${kind}.`);
  }

  #onlyModelFor(kind: InputKind): Resolved {
    const served: Resolved[] = [];
    for (const model of this.#repository.models) {
      const version = this.#repository.servedVersion(model);
      const pipeline = version === null ? null : this.#catalog.of(version.manifest);
      if (version === null || pipeline?.inputKind !== kind) continue;
      served.push({ record: version.record, manifest: pipeline.manifest, pipeline });
    }
    const [only, ...others] = served;
    if (only === undefined) {
      throw new ServalError('SERVAL_MODEL_NOT_FOUND', `No model takes ${kind}; GET /models shows what each takes.`);
    }
    if (others.length === 0) return only;
    const names = served.map(({ manifest }) => manifest.model);
    throw new ServalError(
      'SERVAL_MODEL_REQUIRED',
      `${names.length} models take ${kind}; name one of ${names.join(', ')} in "model".`,
      { details: { models: names } },
    );
  }
}

function bytesOfImages(inputs: readonly Input[]): number {
  return inputs.reduce((total, input) => total + (input.kind === 'image' ? input.bytes.byteLength : 0), 0);
}

/** Waits for a request's results; its work is given up when the client goes away. */
export async function resultsOf(
  scheduler: Scheduler,
  submission: Submission,
  client: ClientConnection,
): Promise<readonly ItemResult[]> {
  const release = client.onClose(() => scheduler.cancel(submission));
  try {
    return await submission.results;
  } finally {
    release();
  }
}

/** Whether the one who asked is still there. */
export interface ClientConnection {
  /** The same for all requests that come by it, one after another; null where they may come side by side. */
  readonly key: unknown;
  /** ms since its request began to arrive: they are part of the time that it allows. */
  waitedMs(): number;
  isClosed(): boolean;
  /** Calls once when the client goes away; the function returned takes the call back. */
  onClose(callback: () => void): () => void;
}

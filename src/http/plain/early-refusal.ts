import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ServalError } from '../../errors.ts';
import type { InputKind } from '../../pipelines/pipeline.ts';
import { versionKey } from '../../repository/manifest.ts';
import { isServing } from '../../server-phase.ts';
import type { AppParts } from '../app.ts';
import { ImageUpload } from '../image-upload.ts';
import { OWN } from '../protocols/error-shapes.ts';
import { shortestMs } from '../request-timeout.ts';
import type { PredictBody } from '../routes/predict-schemas.ts';
import { PlainExchange, type Refusal, refusalOf } from './plain-exchange.ts';
import { type PlainPrediction, readPlainPrediction } from './plain-prediction.ts';
import { jsonOf, type RequestHead } from './plain-request.ts';

export type EarlyRefusalParts = Pick<
  AppParts,
  'config' | 'logger' | 'predictor' | 'repository' | 'observer' | 'door' | 'phase'
>;

/** What stands for an image file that has not come. */
const NO_FILE = new ImageUpload([], {});
/** For so long a queue is taken to be as long as it was: a batch takes some ms. */
const SAME_MS = 2;

/**
 * Refuses predictions of the own API that could not be answered in time, in the fewest steps: under a flood that is most
 * of what the server does, and what it costs is taken from those who are served. The same check, answer, metrics and line
 * in the log as on the usual way, without its hooks, schemas and tokens. Whatever is not plainly such a request goes the
 * usual way untouched, and so does everything while no queue is long.
 */
export class EarlyRefusal {
  readonly #parts: EarlyRefusalParts;
  /** What was refused since then. */
  readonly #refused = new Map<string, Refusal>();
  #refusedSince = 0;

  constructor(parts: EarlyRefusalParts) {
    this.#parts = parts;
  }

  /** Puts it before what answers requests. */
  before(handle: RequestListener): RequestListener {
    return (request, response) => {
      const prediction = this.#candidate(request);
      if (prediction === null) handle(request, response);
      else if (prediction.form === 'image') this.#answerByHead({ prediction, request, response, handle });
      else whenWhole(request, () => this.#answer({ prediction, request, response, handle }));
    };
  }

  /**
   * @param body as JSON, or an upload; of that no file is needed.
   * @returns null where it may be answered in time, or is not plain.
   */
  find(prediction: PlainPrediction, body: unknown): Refusal | null {
    const asked = this.#mayRefuse(prediction) ? this.#read(prediction, body) : null;
    return asked === null ? null : this.#refusal(asked, prediction);
  }

  /**
   * By what its head says: of an image everything is known then. JSON that names its model in the path and its time in a header may
   * allow less in its body, never more.
   * @returns null where that is not enough, or it may be answered in time.
   */
  findByHead(prediction: PlainPrediction): Refusal | null {
    if (prediction.form === 'image') return this.find(prediction, NO_FILE);
    const { form, model, version, headerTimeoutMs: timeoutMs } = prediction;
    if (form !== 'json' || model === null || timeoutMs === undefined) return null;
    if (!this.#parts.door.mayRefuse(timeoutMs)) return null;
    return this.#refusal({ model, version, kind: null, timeoutMs }, prediction);
  }

  #candidate(request: RequestHead): PlainPrediction | null {
    const prediction = isServing(this.#parts.phase()) ? readPlainPrediction(request, this.#parts.config) : null;
    return prediction !== null && prediction.form !== 'inference' && this.#mayRefuse(prediction) ? prediction : null;
  }

  #mayRefuse(prediction: PlainPrediction): boolean {
    return this.#parts.door.mayRefuse(this.#timeoutOf(prediction));
  }

  #answer(candidate: Candidate): void {
    const { prediction, request, response, handle } = candidate;
    const body: Buffer | null = request.read();
    const refusal = body === null ? null : this.find(prediction, jsonOf(body));
    if (refusal !== null) {
      this.#refuse(candidate, refusal);
      return;
    }
    if (body !== null) request.unshift(body);
    handle(request, response);
  }

  /** The bytes are dropped; the answer follows the last of them, as many clients look for it only then. */
  #answerByHead(candidate: Candidate): void {
    const { prediction, request, response, handle } = candidate;
    const refusal = this.findByHead(prediction);
    if (refusal === null) handle(request, response);
    else request.resume().once('close', () => this.#refuse(candidate, refusal));
  }

  #refuse({ prediction, request, response }: Candidate, refusal: Refusal): void {
    const { statusCode, headers, text } = new PlainExchange(this.#parts, prediction, request).repeat(refusal);
    response.writeHead(statusCode, headers).end(text);
  }

  /** Null where it is not plain. */
  #read(prediction: PlainPrediction, body: unknown): Asked | null {
    if (typeof body !== 'object' || body === null) return null;
    const { model: bodyModel, inputs, parameters } = body as Partial<PredictBody>;
    const { model: pathModel, version, query } = prediction;
    const kind = body instanceof ImageUpload ? 'image' : kindOf(inputs);
    const model = pathModel ?? query?.model ?? bodyModel ?? null;
    if (kind === null || (model !== null && typeof model !== 'string')) return null;
    if ((query?.model ?? model) !== model || (bodyModel ?? model) !== model) return null;
    return { model, version, kind, timeoutMs: this.#timeoutOf(prediction, parameters?.timeout_ms) };
  }

  /** As the usual way has it; what it says about one that is none comes after its validation. */
  #timeoutOf({ query, headerTimeoutMs }: PlainPrediction, inBody: unknown = undefined): number {
    const ms = Number(inBody ?? query?.timeout_ms);
    return shortestMs(ms >= 1 ? ms : undefined, headerTimeoutMs, this.#parts.config.defaultTimeoutMs);
  }

  /** What was said to one who asked for the same just now. */
  #recent(asked: Asked): Refusal | null {
    const now = performance.now();
    if (now - this.#refusedSince > SAME_MS) {
      this.#refused.clear();
      this.#refusedSince = now;
    }
    return this.#refused.get(nameOf(asked)) ?? null;
  }

  #refusal(asked: Asked, { begun }: PlainPrediction): Refusal | null {
    const { timeoutMs } = asked;
    const recent = this.#recent(asked);
    if (recent !== null) return recent;
    try {
      const key = this.#keyOf(asked);
      if (key === null) return null;
      this.#parts.door.check({ versionKey: key, timeoutMs, waitedMs: performance.now() - begun });
      return null;
    } catch (error) {
      if (!(error instanceof ServalError) || error.code !== 'SERVAL_OVERLOADED') return null;
      const refusal = refusalOf(error, OWN);
      this.#refused.set(nameOf(asked), refusal);
      return refusal;
    }
  }

  /**
   * The version whose queue it would stand in; null where there is none.
   * @throws ServalError where it is not one for such inputs.
   */
  #keyOf({ model, version, kind }: Asked): string | null {
    const { predictor, repository } = this.#parts;
    if (kind !== null) return versionKey(predictor.resolve({ model, version, inputs: [{ kind }] }).manifest);
    return model === null ? null : repository.keyOf(model, version);
  }
}

/** A request that may be refused. */
interface Candidate {
  readonly prediction: PlainPrediction;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The usual way. */
  readonly handle: RequestListener;
}

/** What a refusal depends on, beside the load. */
interface Asked {
  readonly model: string | null;
  readonly version: number | null;
  /** Null where only the head is known. */
  readonly kind: InputKind | null;
  readonly timeoutMs: number;
}

function nameOf({ model, version, kind, timeoutMs }: Asked): string {
  return `${model}/${version}/${kind}/${timeoutMs}`;
}

/** Calls back when all of the body is there, or its client is gone. */
function whenWhole(request: IncomingMessage, callback: () => void): void {
  const look = () => {
    if (!request.complete && !request.destroyed) return;
    request.off('readable', look).off('close', look);
    callback();
  };
  // What came with the headers is handed over after this call, and without an event.
  setImmediate(() => {
    if (request.complete) callback();
    else request.on('readable', look).on('close', look);
  });
}

function kindOf(inputs: unknown): InputKind | null {
  const first: unknown = Array.isArray(inputs) ? inputs[0] : inputs;
  if (typeof first === 'string') return 'text';
  return typeof first === 'object' && first !== null && 'image' in first ? 'image' : null;
}

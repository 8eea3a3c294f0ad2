import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ServalError } from '../errors.ts';
import type { InputKind } from '../pipelines/pipeline.ts';
import { versionKey } from '../repository/manifest.ts';
import { isServing } from '../server-phase.ts';
import type { AppParts } from './app.ts';
import type { PlainRequest, RequestHead } from './plain-request.ts';
import { protocolOf } from './protocols/error-shapes.ts';
import { type Answer, rawAnswer } from './raw-answer.ts';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts';
import { httpName, logAnswered } from './request-log.ts';
import { TIMEOUT_HEADER } from './request-timeout.ts';

export type EarlyRefusalParts = Pick<
  AppParts,
  'config' | 'logger' | 'predictor' | 'observer' | 'tracer' | 'door' | 'phase' | 'gatekeeper'
>;

/** A request of the own API that a full queue may have no time for. */
interface Candidate {
  readonly begun: number;
  readonly model: string | null;
  readonly timeoutMs: number;
}

const PREDICT = /^\/(?:models\/([\w.-]{1,128})\/)?predict$/;
/** Bodies that come in one piece with their headers; a larger one goes the usual way. */
const MAX_BODY_BYTES = 16_384;
/** A queue is long when clients with deadlines of so many ms would be refused. */
const SHORT_DEADLINE_MS = 50;

/**
 * Refuses predictions of the own API that could not be answered in time, in the fewest steps: under a flood that is most
 * of what the server does, and what it costs is taken from those who are served. The same check, answer, metrics and line
 * in the log as on the usual way, without its hooks, schemas and tokens. Whatever is not plainly such a request goes the
 * usual way untouched, and so does everything while no queue is long.
 */
export class EarlyRefusal {
  readonly #parts: EarlyRefusalParts;

  private constructor(parts: EarlyRefusalParts) {
    this.#parts = parts;
  }

  /** Null where a key, an origin or a trace has to be looked at first. */
  static create(parts: EarlyRefusalParts): EarlyRefusal | null {
    const { gatekeeper, tracer, config } = parts;
    if (gatekeeper !== null || tracer !== null || config.corsOrigins.length > 0) return null;
    return new EarlyRefusal(parts);
  }

  /** Puts it before what answers requests. */
  before(handle: RequestListener): RequestListener {
    return (request, response) => {
      const candidate = this.#candidate(request);
      if (candidate === null) handle(request, response);
      else whenWhole(request, () => this.#answer(candidate, request, response, handle));
    };
  }

  /** Whether requests are worth a look before node:http has read them. */
  isLikely(): boolean {
    const { phase, door } = this.#parts;
    return isServing(phase()) && door.mayRefuse(SHORT_DEADLINE_MS);
  }

  /** @returns what is written to the connection of a request that node:http has not seen; null where that is to answer it. */
  answerTo(request: PlainRequest): string | null {
    const candidate = this.#candidate(request);
    const error = candidate === null ? null : this.#refusal(candidate, request.body);
    if (candidate === null || error === null) return null;
    const answer = this.#refuse(error, candidate, request);
    const idleSeconds = Math.floor(this.#parts.config.keepAliveTimeoutMs / 1000);
    const connection = request.keepsAlive
      ? { connection: 'keep-alive', 'keep-alive': `timeout=${idleSeconds}` }
      : { connection: 'close' };
    return rawAnswer({ ...answer, headers: { ...answer.headers, date: new Date().toUTCString(), ...connection } });
  }

  #candidate({ method, url = '', headers }: RequestHead): Candidate | null {
    const { phase, config, door } = this.#parts;
    if (method !== 'POST' || headers['content-type'] !== 'application/json') return null;
    if (!(Number(headers['content-length']) <= MAX_BODY_BYTES) || headers['content-encoding'] !== undefined)
      return null;
    const named = PREDICT.exec(url);
    const timeoutMs = Number(headers[TIMEOUT_HEADER] ?? config.defaultTimeoutMs);
    if (named === null || !isTimeout(timeoutMs, config) || !isServing(phase())) return null;
    return door.mayRefuse(timeoutMs) ? { begun: performance.now(), model: named[1] ?? null, timeoutMs } : null;
  }

  #answer(candidate: Candidate, request: IncomingMessage, response: ServerResponse, handle: RequestListener): void {
    const body: Buffer | null = request.read();
    const error = body === null ? null : this.#refusal(candidate, body);
    if (error !== null) {
      const { statusCode, headers, text } = this.#refuse(error, candidate, request);
      response.writeHead(statusCode, headers).end(text);
      return;
    }
    if (body !== null) request.unshift(body);
    handle(request, response);
  }

  /** Null where it may be answered in time, or is not plain. */
  #refusal({ begun, model: pathModel, timeoutMs }: Candidate, body: Buffer): ServalError | null {
    const { predictor, door } = this.#parts;
    try {
      const { model = pathModel, inputs, parameters = {} } = JSON.parse(body.toString('utf8'));
      const kind = kindOf(inputs);
      if (kind === null || (pathModel !== null && model !== pathModel)) return null;
      const { manifest } = predictor.resolve({ model, version: null, inputs: [{ kind }] });
      const waitedMs = performance.now() - begun;
      door.check({ versionKey: versionKey(manifest), timeoutMs: shorter(timeoutMs, parameters.timeout_ms), waitedMs });
      return null;
    } catch (error) {
      return error instanceof ServalError && error.code === 'SERVAL_OVERLOADED' ? error : null;
    }
  }

  /** Tells metrics and log of it, as if it were sent already. */
  #refuse(error: ServalError, { begun, model }: Candidate, request: RequestHead): Answer {
    const { logger, observer } = this.#parts;
    const { url = '', method = '' } = request;
    const { name: protocol, shape } = protocolOf(url);
    const { statusCode, body, contentType } = shape(error);
    const reqId = requestIdOf(request);
    const answered = {
      protocol,
      method,
      route: model === null ? '/predict' : '/models/:model/predict',
      statusCode,
      seconds: (performance.now() - begun) / 1000,
      errorCode: error.code,
      served: null,
    };
    observer.requestAnswered(answered);
    // As a field, where a logger of its own would cost more than the line; it reads the same.
    logAnswered(logger, { reqId, ...httpName(answered) }, answered);
    const text = JSON.stringify(body);
    const headers = {
      [REQUEST_ID_HEADER]: reqId,
      'retry-after': String(error.retryAfterSeconds),
      'content-type': contentType,
      'content-length': Buffer.byteLength(text),
    };
    return { statusCode, headers, text };
  }
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

function isTimeout(ms: number, { maxTimeoutMs }: AppParts['config']): boolean {
  return Number.isInteger(ms) && ms >= 1 && ms <= maxTimeoutMs;
}

/** What the usual way says about one that is none comes after its validation. */
function shorter(timeoutMs: number, given: unknown): number {
  return typeof given === 'number' && given >= 1 ? Math.min(timeoutMs, given) : timeoutMs;
}

function kindOf(inputs: unknown): InputKind | null {
  const first: unknown = Array.isArray(inputs) ? inputs[0] : inputs;
  if (typeof first === 'string') return 'text';
  return typeof first === 'object' && first !== null && 'image' in first ? 'image' : null;
}

import { ERROR_TABLE, type ErrorCode, type ServalError } from '../../errors.ts';
import type { Gatekeeper } from '../../security/gatekeeper.ts';
import type { Client } from '../../security/key-ring.ts';
import type { AppParts } from '../app.ts';
import type { ServedRequest } from '../http-observer.ts';
import { checkKey, type KeyCheck } from '../key-check.ts';
import type { Protocol } from '../protocols/error-shapes.ts';
import type { Answer } from '../raw-answer.ts';
import { REQUEST_ID_HEADER, requestIdOf } from '../request-id.ts';
import { logAnswered, logFailure } from '../request-log.ts';
import type { PlainPrediction } from './plain-prediction.ts';
import type { RequestHead } from './plain-request.ts';

type ExchangeParts = Pick<AppParts, 'logger' | 'observer'>;

const CLIENT_CLOSED: ErrorCode = 'SERVAL_CLIENT_CLOSED';

interface Outcome {
  readonly statusCode: number;
  readonly errorCode: string | null;
  readonly served: ServedRequest | null;
}

/** The answer to an error, but for the request's id. */
export interface Refusal extends Answer {
  readonly error: ServalError;
}

export function refusalOf(error: ServalError, { shape }: Protocol): Refusal {
  const { statusCode, body, contentType } = shape(error);
  const { retryAfterSeconds } = error;
  const text = JSON.stringify(body);
  const headers = {
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
  };
  return { error, statusCode, headers, text };
}

/** A plain prediction and its answer, as metrics, log and client know them: the same as on the usual way. */
export class PlainExchange {
  readonly id: string;
  readonly prediction: PlainPrediction;
  readonly #parts: ExchangeParts;
  readonly #request: RequestHead;
  #key: KeyCheck | null = null;

  constructor(parts: ExchangeParts, prediction: PlainPrediction, request: RequestHead) {
    this.id = requestIdOf(request);
    this.#parts = parts;
    this.prediction = prediction;
    this.#request = request;
  }

  get elapsedMs(): number {
    return performance.now() - this.prediction.begun;
  }

  /** Whose key it brought; null where none was asked for. */
  get client(): Client | null {
    return this.#key?.client ?? null;
  }

  /** What every answer to it says. */
  get headers(): Answer['headers'] {
    return { [REQUEST_ID_HEADER]: this.id, ...this.#key?.headers };
  }

  /** Asks for its API key, and counts it. @returns the answer where it is not let in. */
  admit(gatekeeper: Gatekeeper): Answer | null {
    const { model } = this.prediction;
    this.#key = checkKey(gatekeeper, this.#request.headers, { scope: 'predict', model });
    const { error } = this.#key;
    return error === null ? null : this.refuse(error);
  }

  /** The answer to an error, told as if it were sent already. */
  refuse(error: ServalError): Answer {
    logFailure(this.#parts.logger, error, { reqId: this.id });
    return this.repeat(refusalOf(error, this.prediction.protocol));
  }

  /** Tells of the refusal as if it were sent already. */
  repeat({ error, headers, ...answer }: Refusal): Answer {
    this.#tell({ statusCode: answer.statusCode, errorCode: error.code, served: null });
    return { ...answer, headers: { ...this.headers, ...headers } };
  }

  /** Tells of a good answer, when all of it is with the kernel or, with an error, never will be. */
  tellSent(served: ServedRequest, error?: Error | null): void {
    if (error == null) this.#tell({ statusCode: 200, errorCode: null, served });
    else this.#tell({ statusCode: ERROR_TABLE[CLIENT_CLOSED][0], errorCode: CLIENT_CLOSED, served });
  }

  /** To the metrics, and as the request's one line in the log. */
  #tell({ statusCode, errorCode, served }: Outcome): void {
    const { logger, observer } = this.#parts;
    const { protocol, route } = this.prediction;
    const { method = '' } = this.#request;
    const answered = {
      protocol: protocol.name,
      method,
      route,
      statusCode,
      seconds: this.elapsedMs / 1000,
      errorCode,
      served,
      key: this.client?.key.name ?? null,
    };
    observer.requestAnswered(answered);
    // As a field, where a logger of its own would cost more than the line; it reads the same.
    logAnswered(logger, { reqId: this.id, method, route }, answered);
  }
}

import type { ServalError } from '../../errors.ts';
import type { AppParts } from '../app.ts';
import type { ServedRequest } from '../http-observer.ts';
import { protocolOf } from '../protocols/error-shapes.ts';
import type { Answer } from '../raw-answer.ts';
import { REQUEST_ID_HEADER, requestIdOf } from '../request-id.ts';
import { httpName, logAnswered } from '../request-log.ts';
import type { PlainPrediction } from './plain-prediction.ts';
import type { RequestHead } from './plain-request.ts';

type ExchangeParts = Pick<AppParts, 'logger' | 'observer'>;

interface Outcome {
  readonly statusCode: number;
  readonly errorCode: string | null;
  readonly served: ServedRequest | null;
}

/** The answer to an error, but for the request's id. */
export interface Refusal extends Answer {
  readonly error: ServalError;
}

/** @param url of the request: each protocol has its shape. */
export function refusalOf(error: ServalError, url = ''): Refusal {
  const { statusCode, body, contentType } = protocolOf(url).shape(error);
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
  readonly #parts: ExchangeParts;
  readonly #prediction: PlainPrediction;
  readonly #request: RequestHead;

  constructor(parts: ExchangeParts, prediction: PlainPrediction, request: RequestHead) {
    this.id = requestIdOf(request);
    this.#parts = parts;
    this.#prediction = prediction;
    this.#request = request;
  }

  get elapsedMs(): number {
    return performance.now() - this.#prediction.begun;
  }

  /** Tells of the refusal as if it were sent already. */
  refuse({ error, headers, ...answer }: Refusal): Answer {
    if (error.statusCode >= 500 && error.cause !== undefined)
      this.#parts.logger.error({ reqId: this.id, err: error.cause, code: error.code }, 'request failed');
    this.tell({ statusCode: answer.statusCode, errorCode: error.code, served: null });
    return { ...answer, headers: { [REQUEST_ID_HEADER]: this.id, ...headers } };
  }

  /** To the metrics, and as the request's one line in the log. */
  tell(outcome: Outcome): void {
    const { logger, observer } = this.#parts;
    const { url = '', method = '' } = this.#request;
    const answered = {
      protocol: protocolOf(url).name,
      method,
      route: this.#prediction.route,
      seconds: this.elapsedMs / 1000,
      ...outcome,
    };
    observer.requestAnswered(answered);
    // As a field, where a logger of its own would cost more than the line; it reads the same.
    logAnswered(logger, { reqId: this.id, ...httpName(answered) }, answered);
  }
}

import { ERROR_TABLE } from '../../errors.ts';
import type { ClientConnection, PredictAnswer, PredictRequest } from '../../pipelines/predictor.ts';
import { isServing } from '../../server-phase.ts';
import type { AppParts } from '../app.ts';
import { servedBy, serverTiming } from '../classify.ts';
import { toServalError } from '../error-handler.ts';
import type { EventLoopTurns } from '../event-loop-turns.ts';
import { type Answer, rawAnswer } from '../raw-answer.ts';
import { REQUEST_ID_HEADER } from '../request-id.ts';
import { PredictRequestReader } from '../routes/predict-request.ts';
import { predictResponse } from '../routes/predict-response.ts';
import { predictBodySchema, uploadParametersSchema } from '../routes/predict-schemas.ts';
import type { EarlyRefusal } from './early-refusal.ts';
import { PlainExchange, refusalOf } from './plain-exchange.ts';
import { type PlainPrediction, readPlainPrediction } from './plain-prediction.ts';
import type { PlainRequest } from './plain-request.ts';

export type PlainAnswersParts = Pick<AppParts, 'config' | 'logger' | 'predictor' | 'observer' | 'phase'>;

/** What is written to a connection. */
export interface PlainAnswer {
  readonly bytes: string;
  /** Whether the connection ends with it. */
  readonly isLast: boolean;
}

const CLIENT_CLOSED = 'SERVAL_CLIENT_CLOSED';

/**
 * Answers the plainest requests, most of what a busy server gets, without node:http and the framework: predictions of the
 * own API in JSON that came whole. The same checks, answers, metrics and lines in the log as on the usual way; whatever is
 * out of the ordinary, wrong bodies included, is left to it.
 */
export class PlainAnswers {
  readonly #parts: PlainAnswersParts;
  readonly #refusal: EarlyRefusal;
  readonly #turns: EventLoopTurns;
  readonly #bodySchema: ReturnType<typeof predictBodySchema>;
  readonly #reader: PredictRequestReader;

  constructor(parts: PlainAnswersParts, refusal: EarlyRefusal, turns: EventLoopTurns) {
    this.#parts = parts;
    this.#refusal = refusal;
    this.#turns = turns;
    this.#bodySchema = predictBodySchema(parts.config);
    this.#reader = new PredictRequestReader(parts.config, uploadParametersSchema(parts.config));
  }

  /** @returns null, or a promise of it, where node:http is to answer. */
  answerTo(request: PlainRequest, client: ClientConnection): PlainAnswer | null | Promise<PlainAnswer | null> {
    const { phase, config } = this.#parts;
    const prediction = isServing(phase()) ? readPlainPrediction(request, config) : null;
    const body = prediction === null ? undefined : parsed(request.body);
    if (prediction === null || body === undefined) return null;
    const refused = this.#refusal.answerTo(prediction, request, body);
    if (refused !== null) return this.#whole(refused, request);
    return new Promise((resolve) => {
      this.#turns.enter(() => resolve(this.#predict(prediction, request, body, client)));
    });
  }

  async #predict(
    prediction: PlainPrediction,
    request: PlainRequest,
    body: unknown,
    client: ClientConnection,
  ): Promise<PlainAnswer | null> {
    const asked = this.#read(prediction, body);
    if (asked === null) return null;
    const exchange = new PlainExchange(this.#parts, prediction, request);
    try {
      const answered = await this.#parts.predictor.predict(asked, client);
      return this.#whole(served(exchange, asked, answered, client), request);
    } catch (error) {
      return this.#whole(exchange.refuse(refusalOf(toServalError(error), request.url)), request);
    }
  }

  /** Null where anything is wrong with it. */
  #read({ model, version, headerTimeoutMs }: PlainPrediction, given: unknown): PredictRequest | null {
    const { success, data } = this.#bodySchema.safeParse(given);
    if (!success) return null;
    try {
      return this.#reader.read({ target: { model, version }, query: {}, body: data, headerTimeoutMs });
    } catch {
      return null;
    }
  }

  /** With what node:http would add. */
  #whole(answer: Answer, request: PlainRequest): PlainAnswer {
    const { phase, config } = this.#parts;
    const isLast = !request.keepsAlive || phase() === 'draining';
    const connection = isLast
      ? { connection: 'close' }
      : { connection: 'keep-alive', 'keep-alive': `timeout=${Math.floor(config.keepAliveTimeoutMs / 1000)}` };
    const headers = { ...answer.headers, date: new Date().toUTCString(), ...connection };
    return { bytes: rawAnswer({ ...answer, headers }), isLast };
  }
}

function served(
  exchange: PlainExchange,
  asked: PredictRequest,
  answered: PredictAnswer,
  client: ClientConnection,
): Answer {
  const text = JSON.stringify(predictResponse(exchange.id, answered));
  const timing = serverTiming(answered, exchange.elapsedMs);
  const errorCode = client.isClosed() ? CLIENT_CLOSED : null;
  const statusCode = errorCode === null ? 200 : ERROR_TABLE[errorCode][0];
  exchange.tell({ statusCode, errorCode, served: servedBy(asked, answered) });
  const headers = {
    [REQUEST_ID_HEADER]: exchange.id,
    'server-timing': timing,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  };
  return { statusCode, headers, text };
}

/** Undefined where it is no JSON. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

import { ERROR_TABLE } from '../../errors.ts';
import type { ClientConnection, PredictAnswer, PredictRequest } from '../../pipelines/predictor.ts';
import { isServing } from '../../server-phase.ts';
import type { AppParts } from '../app.ts';
import { servedBy, serverTiming } from '../classify.ts';
import { toServalError } from '../error-handler.ts';
import type { EventLoopTurns } from '../event-loop-turns.ts';
import { grantedTo } from '../key-check.ts';
import { type Answer, rawAnswer } from '../raw-answer.ts';
import { PredictRequestReader } from '../routes/predict-request.ts';
import { predictResponse } from '../routes/predict-response.ts';
import { predictBodySchema, uploadParametersSchema } from '../routes/predict-schemas.ts';
import type { EarlyRefusal } from './early-refusal.ts';
import { PlainExchange } from './plain-exchange.ts';
import { type PlainPrediction, readPlainPrediction } from './plain-prediction.ts';
import { jsonOf, type PlainRequest } from './plain-request.ts';

export type PlainAnswersParts = Pick<AppParts, 'config' | 'logger' | 'predictor' | 'observer' | 'phase' | 'gatekeeper'>;

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
    const { phase, config, gatekeeper } = this.#parts;
    const prediction = isServing(phase()) ? readPlainPrediction(request, config) : null;
    const body = prediction === null ? undefined : jsonOf(request.body);
    if (prediction === null || body === undefined) return null;
    // Before it is counted: what goes to node:http is counted there.
    const early = gatekeeper === null ? undefined : this.#read(prediction, body);
    if (early === null) return null;
    const exchange = new PlainExchange(this.#parts, prediction, request);
    const refused = (gatekeeper && exchange.admit(gatekeeper)) ?? this.#refusal.answerTo(exchange, body);
    if (refused !== null) return this.#whole(refused, request);
    return new Promise((resolve) => {
      this.#turns.enter(() => {
        const asked = early ?? this.#read(prediction, body);
        resolve(asked === null ? null : this.#predict(exchange, request, asked, client));
      });
    });
  }

  async #predict(
    exchange: PlainExchange,
    request: PlainRequest,
    asked: PredictRequest,
    client: ClientConnection,
  ): Promise<PlainAnswer> {
    try {
      const granted = grantedTo(exchange.client, asked);
      const answered = await this.#parts.predictor.predict(granted, client);
      return this.#whole(served(exchange, granted, answered, client), request);
    } catch (error) {
      return this.#whole(exchange.refuse(toServalError(error)), request);
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
    ...exchange.headers,
    'server-timing': timing,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  };
  return { statusCode, headers, text };
}

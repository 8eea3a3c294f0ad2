import { ServalError } from '../../errors.ts';
import { freeOwnMemory } from '../../off-heap.ts';
import type { ClientConnection, PredictAnswer, PredictRequest } from '../../pipelines/predictor.ts';
import { isServing } from '../../server-phase.ts';
import type { AppParts } from '../app.ts';
import type { ReceivingBudget } from '../body-reader.ts';
import { servedBy, serverTiming } from '../classify.ts';
import { toServalError } from '../error-handler.ts';
import type { EventLoopTurns } from '../event-loop-turns.ts';
import { ImageUpload } from '../image-upload.ts';
import { grantedTo, isKeyKnown } from '../key-check.ts';
import { answerInfer } from '../protocols/infer-call.ts';
import type { JsonThread } from '../protocols/json-thread.ts';
import { type Answer, rawAnswer } from '../raw-answer.ts';
import { PredictRequestReader } from '../routes/predict-request.ts';
import { predictResponse } from '../routes/predict-response.ts';
import { type PredictBody, predictBodySchema, uploadParametersSchema } from '../routes/predict-schemas.ts';
import { ConnectionLines } from './connection-lines.ts';
import type { EarlyRefusal } from './early-refusal.ts';
import type { PlainAnswer } from './plain-answer.ts';
import { PlainExchange } from './plain-exchange.ts';
import { type PlainPrediction, readPlainPrediction } from './plain-prediction.ts';
import { jsonOf, type PlainHead, type PlainRequest } from './plain-request.ts';

export type PlainAnswersParts = Pick<
  AppParts,
  'config' | 'logger' | 'predictor' | 'repository' | 'openInference' | 'observer' | 'door' | 'phase' | 'gatekeeper'
> & {
  readonly turns: EventLoopTurns;
  readonly budget: ReceivingBudget;
  readonly json: JsonThread;
};

/**
 * Answers the plainest requests, most of what a busy server gets, without node:http and the framework: predictions of the
 * own API in JSON or as an image file, and inferences of the Open Inference Protocol. The same checks, answers, metrics and
 * lines in the log as on the usual way; whatever is out of the ordinary, wrong bodies of the own API included, is left to it.
 */
export class PlainAnswers {
  readonly #parts: PlainAnswersParts;
  readonly #refusal: EarlyRefusal;
  readonly #bodySchema: ReturnType<typeof predictBodySchema>;
  readonly #querySchema: ReturnType<typeof uploadParametersSchema>;
  readonly #reader: PredictRequestReader;
  readonly #lines: ConnectionLines;

  constructor(parts: PlainAnswersParts, refusal: EarlyRefusal) {
    this.#parts = parts;
    this.#refusal = refusal;
    this.#bodySchema = predictBodySchema(parts.config);
    this.#querySchema = uploadParametersSchema(parts.config);
    this.#reader = new PredictRequestReader(parts.config, this.#querySchema);
    this.#lines = new ConnectionLines(parts.config.keepAliveTimeoutMs);
  }

  /** @returns null where node:http is to answer, whatever the body is. */
  expect(head: PlainHead): PlainPrediction | null {
    const { phase, config } = this.#parts;
    return isServing(phase()) && head.headBytes <= config.maxHeaderBytes ? readPlainPrediction(head, config) : null;
  }

  /**
   * Lets a body come in pieces.
   * @returns to be called when it is no longer held; null where it would be refused before it came, by node:http.
   */
  hold(prediction: PlainPrediction, { headers, bodyBytes }: PlainHead): (() => void) | null {
    const { gatekeeper, budget } = this.#parts;
    const { model } = prediction;
    if (gatekeeper !== null && !isKeyKnown(gatekeeper, headers, { scope: 'predict', model })) return null;
    try {
      this.#checkDoor(prediction);
      budget.take(bodyBytes);
    } catch {
      return null;
    }
    return () => budget.release(bodyBytes);
  }

  /**
   * Refuses at its head what there is no time for: its body is then not worth keeping, nor reading.
   * @returns null where it is.
   */
  refuse(prediction: PlainPrediction, head: PlainHead): PlainAnswer | null {
    const refusal = this.#refusal.findByHead(prediction);
    if (refusal === null) return null;
    const { gatekeeper } = this.#parts;
    const exchange = new PlainExchange(this.#parts, prediction, head);
    return this.#whole((gatekeeper && exchange.admit(gatekeeper)) ?? exchange.repeat(refusal), head);
  }

  /** Its client went away before the body was complete. */
  abandon(prediction: PlainPrediction, head: PlainHead): void {
    const error = new ServalError('SERVAL_CLIENT_CLOSED', 'The client went away before its body was complete.');
    new PlainExchange(this.#parts, prediction, head).refuse(error);
  }

  /** @returns null, or a promise of it, where node:http is to answer. */
  answerTo(
    prediction: PlainPrediction,
    request: PlainRequest,
    client: ClientConnection,
  ): PlainAnswer | null | Promise<PlainAnswer | null> {
    const exchange = new PlainExchange(this.#parts, prediction, request);
    return prediction.form === 'inference'
      ? this.#infer(exchange, request, client)
      : this.#predict(exchange, request, client);
  }

  #predict(
    exchange: PlainExchange,
    request: PlainRequest,
    client: ClientConnection,
  ): PlainAnswer | null | Promise<PlainAnswer | null> {
    const { gatekeeper, turns } = this.#parts;
    const { prediction } = exchange;
    const body = prediction.form === 'image' ? new ImageUpload([request.body], {}) : jsonOf(request.body);
    if (body === undefined) return null;
    // Before it is counted: what goes to node:http is counted there.
    const early = gatekeeper === null ? undefined : this.#read(prediction, body);
    if (early === null) return null;
    const refused = (gatekeeper && exchange.admit(gatekeeper)) ?? this.#refuseEarly(exchange, body);
    if (refused !== null) return this.#whole(refused, request);
    return new Promise((resolve) => {
      turns.enter(() => {
        const asked = early ?? this.#read(prediction, body);
        resolve(asked === null ? null : this.#classify(exchange, request, asked, client));
      });
    });
  }

  #refuseEarly(exchange: PlainExchange, body: unknown): Answer | null {
    const refusal = this.#refusal.find(exchange.prediction, body);
    return refusal === null ? null : exchange.repeat(refusal);
  }

  async #classify(
    exchange: PlainExchange,
    request: PlainRequest,
    asked: PredictRequest,
    client: ClientConnection,
  ): Promise<PlainAnswer> {
    try {
      const granted = grantedTo(exchange.client, asked);
      const answered = await this.#parts.predictor.predict(granted, client);
      const onSent = (error?: Error | null) => exchange.tellSent(servedBy(granted, answered), error);
      return { ...this.#whole(classified(exchange, answered), request), onSent };
    } catch (error) {
      return this.#whole(exchange.refuse(toServalError(error)), request);
    }
  }

  /** Null where anything is wrong with it. */
  #read(prediction: PlainPrediction, given: unknown): PredictRequest | null {
    const { model, version, headerTimeoutMs } = prediction;
    const query = prediction.query === null ? {} : this.#querySchema.safeParse(prediction.query).data;
    const body = given instanceof ImageUpload ? given : this.#checked(given);
    if (query === undefined || body === null) return null;
    try {
      return this.#reader.read({ target: { model, version }, query, body, headerTimeoutMs });
    } catch {
      return null;
    }
  }

  #checked(given: unknown): PredictBody | null {
    const { success, data } = this.#bodySchema.safeParse(given);
    return success ? data : null;
  }

  #infer(exchange: PlainExchange, request: PlainRequest, client: ClientConnection): PlainAnswer | Promise<PlainAnswer> {
    const { gatekeeper, turns } = this.#parts;
    const refused = (gatekeeper && exchange.admit(gatekeeper)) ?? this.#refuseAtDoor(exchange);
    if (refused !== null) return this.#whole(refused, request);
    return new Promise((resolve) => {
      turns.enter(() => resolve(this.#answerInfer(exchange, request, client)));
    });
  }

  #refuseAtDoor(exchange: PlainExchange): Answer | null {
    try {
      this.#checkDoor(exchange.prediction);
      return null;
    } catch (error) {
      return exchange.refuse(toServalError(error));
    }
  }

  /** @throws ServalError SERVAL_OVERLOADED where its head alone says that there is no time for it. */
  #checkDoor({ begun, headerTimeoutMs, model, version }: PlainPrediction): void {
    const { door, repository } = this.#parts;
    const timeoutMs = headerTimeoutMs ?? null;
    const key = timeoutMs === null || model === null ? null : repository.keyOf(model, version);
    door.check({ versionKey: key, timeoutMs, waitedMs: performance.now() - begun });
  }

  async #answerInfer(exchange: PlainExchange, request: PlainRequest, client: ClientConnection): Promise<PlainAnswer> {
    const { id, prediction } = exchange;
    const { headers, body } = request;
    const target = { name: prediction.model ?? '', version: prediction.version };
    try {
      const answer = await answerInfer(this.#parts, { id, target, headers, body }, client);
      const head = { statusCode: 200, headers: { ...exchange.headers, ...answer.headers }, text: '' };
      const whole = this.#whole(head, request);
      const onSent = (error?: Error | null) => {
        exchange.tellSent(answer.served, error);
        if (error != null) return;
        answer.free();
        freeOwnMemory(body);
      };
      return { ...whole, pieces: [...whole.pieces, ...answer.pieces], onSent };
    } catch (error) {
      return this.#whole(exchange.refuse(toServalError(error)), request);
    }
  }

  /** With what node:http would add. */
  #whole(answer: Answer, { keepsAlive }: PlainHead): PlainAnswer {
    const isLast = !keepsAlive || this.#parts.phase() === 'draining';
    return { pieces: [rawAnswer(answer, this.#lines.of(isLast))], isLast };
  }
}

function classified(exchange: PlainExchange, answered: PredictAnswer): Answer {
  const text = JSON.stringify(predictResponse(exchange.id, answered));
  const headers = {
    ...exchange.headers,
    'server-timing': serverTiming(answered, exchange.elapsedMs),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  };
  return { statusCode: 200, headers, text };
}

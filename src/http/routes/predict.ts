import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ServalError } from '../../errors.ts';
import type { Input } from '../../pipelines/pipeline.ts';
import type { PredictAnswer } from '../../pipelines/predictor.ts';
import type { AppParts } from '../app.ts';
import { connectionOf } from '../client-connection.ts';
import { errorResponses, modelParameter, versionParameter } from '../schemas.ts';
import { answerSchema, type PredictBody, predictBodySchema } from './predict-schemas.ts';

interface Target {
  readonly model: string | null;
  readonly version: number | null;
}

const DEFAULT_TOP_K = 5;

/** The own API's predictions: the same body under three paths. */
export function predictRoutes(instance: FastifyInstance, parts: AppParts): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  // Before the body is read: a full queue costs a client one round trip and the server next to nothing.
  const onRequest = async () => parts.checkRoom();
  const body = predictBodySchema(parts.config);
  const response = { 200: answerSchema, ...errorResponses(400, 404, 408, 413, 415, 422, 429, 500, 503, 504) };
  const tags = ['Predict'];

  app.post(
    '/predict',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Predict with the model that takes this kind of input',
        description: 'Where several models take it, name one in `model`.',
        body,
        response,
      },
    },
    (request, reply) => answer(parts, { request, reply, target: { model: request.body.model ?? null, version: null } }),
  );
  app.post(
    '/models/:model/predict',
    {
      onRequest,
      schema: { tags, summary: 'Predict with a model', params: z.object({ model: modelParameter }), body, response },
    },
    (request, reply) => answer(parts, { request, reply, target: { model: request.params.model, version: null } }),
  );
  app.post(
    '/models/:model/versions/:version/predict',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Predict with one version of a model',
        params: z.object({ model: modelParameter, version: versionParameter }),
        body,
        response,
      },
    },
    (request, reply) => {
      const { model, version } = request.params;
      return answer(parts, { request, reply, target: { model, version: Number(version) } });
    },
  );
}

interface Exchange {
  readonly request: FastifyRequest & { readonly body: PredictBody };
  readonly reply: FastifyReply;
  readonly target: Target;
}

async function answer({ predictor, config }: AppParts, { request, reply, target }: Exchange) {
  const { body } = request;
  checkModel(body, target);
  const inputs = inputsOf(body, config);
  const parameters = body.parameters ?? {};
  const answered = await predictor.predict(
    {
      ...target,
      inputs,
      options: {
        topK: parameters.top_k ?? DEFAULT_TOP_K,
        functionToApply: parameters.function_to_apply ?? null,
        truncate: parameters.truncate ?? true,
      },
      timeoutMs: parameters.timeout_ms ?? config.defaultTimeoutMs,
    },
    connectionOf(reply),
  );
  const { manifest, timings } = answered;
  request.served = { manifest, items: inputs.length, encodeSeconds: timings.encodeMs / 1000 };
  reply.header('server-timing', serverTiming(answered, reply.elapsedTime));
  return {
    id: request.id,
    model: manifest.model,
    version: manifest.version,
    predictions: answered.predictions.map(({ label, score, scores }) => ({ label, score, scores: [...scores] })),
    usage: { items: inputs.length, tokens: answered.tokens, truncated: answered.truncated },
  };
}

function checkModel({ model }: PredictBody, target: Target): void {
  if (model === undefined || target.model === model) return;
  const message = `The path names "${target.model}", the body "${model}"; leave "model" out of the body.`;
  throw new ServalError('SERVAL_MODEL_MISMATCH', message);
}

function inputsOf({ inputs }: PredictBody, { maxInputs, maxInputChars }: AppParts['config']): Input[] {
  const list = [inputs].flat();
  if (list.length > maxInputs) {
    const message = `The request has ${list.length} inputs, ${maxInputs} are allowed; send several requests.`;
    throw new ServalError('SERVAL_TOO_MANY_INPUTS', message, { details: { maxInputs } });
  }
  return list.map((input, index) => {
    if (typeof input !== 'string') return { kind: 'image', bytes: Buffer.from(input.image, 'base64') };
    if (input.length <= maxInputChars) return { kind: 'text', text: input };
    const message = `Input ${index}: the text has ${input.length} characters, ${maxInputChars} are allowed.`;
    throw new ServalError('SERVAL_TEXT_TOO_LONG', message, { details: { input: index, maxInputChars } });
  });
}

/** https://www.w3.org/TR/server-timing/ */
function serverTiming({ timings: { encodeMs, queueMs, runMs } }: PredictAnswer, totalMs: number): string {
  const entries = { encode: encodeMs, queue: queueMs, run: runMs, total: totalMs };
  return Object.entries(entries)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(2)}`)
    .join(', ');
}

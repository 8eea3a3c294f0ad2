import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { PredictAnswer } from '../../pipelines/predictor.ts';
import type { AppParts } from '../app.ts';
import { IMAGE_TYPES } from '../body-parsers.ts';
import { connectionOf } from '../client-connection.ts';
import { errorResponses, modelParameter, versionParameter } from '../schemas.ts';
import { PredictRequestReader, type PredictSources } from './predict-request.ts';
import {
  answerSchema,
  type PredictBody,
  predictBodySchema,
  predictHeadersSchema,
  type UploadParameters,
  uploadParametersSchema,
} from './predict-schemas.ts';

const TIMEOUT_HEADER = 'x-request-timeout-ms';
const NO_TARGET = { model: null, version: null };

/** The own API's predictions: the same body under three paths. */
export function predictRoutes(instance: FastifyInstance, parts: AppParts): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  const querystring = uploadParametersSchema(parts.config);
  const shared = {
    tags: ['Predict'],
    consumes: ['application/json', 'multipart/form-data', ...IMAGE_TYPES],
    body: predictBodySchema(parts.config),
    querystring,
    headers: predictHeadersSchema(parts.config),
    response: { 200: answerSchema, ...errorResponses(400, 404, 408, 413, 415, 422, 429, 500, 503, 504) },
  };
  const route = {
    // Before the body is read: a full queue costs a client one round trip and the server next to nothing.
    onRequest: async ({ headers }: FastifyRequest) => parts.checkDoor(timeoutOf(headers)),
  };
  const reader = new PredictRequestReader(parts.config, querystring);

  app.post(
    '/predict',
    {
      ...route,
      schema: {
        ...shared,
        summary: 'Predict with the model that takes this kind of input',
        description:
          'Where several models take it, name one in `model`. Images come as base64 in JSON, as files of a form, or as the body itself.',
      },
    },
    (request, reply) => answer({ reader, parts, request, reply }, { ...sourcesOf(request), target: NO_TARGET }),
  );
  app.post(
    '/models/:model/predict',
    {
      ...route,
      schema: { ...shared, summary: 'Predict with a model', params: z.object({ model: modelParameter }) },
    },
    (request, reply) =>
      answer(
        { reader, parts, request, reply },
        { ...sourcesOf(request), target: { model: request.params.model, version: null } },
      ),
  );
  app.post(
    '/models/:model/versions/:version/predict',
    {
      ...route,
      schema: {
        ...shared,
        summary: 'Predict with one version of a model',
        params: z.object({ model: modelParameter, version: versionParameter }),
      },
    },
    (request, reply) => {
      const { model, version } = request.params;
      return answer(
        { reader, parts, request, reply },
        { ...sourcesOf(request), target: { model, version: Number(version) } },
      );
    },
  );
}

/** The smallest wait that the headers allow; a header that is not a number is refused after the body, by the schema. */
function timeoutOf(headers: FastifyRequest['headers']): number | null {
  const ms = Number(headers[TIMEOUT_HEADER] ?? Number.NaN);
  return ms > 0 ? ms : null;
}

/** What a validated request says beside its path. */
function sourcesOf({ query, body, headers }: ValidatedRequest): Omit<PredictSources, 'target'> {
  return { query, body, headerTimeoutMs: headers[TIMEOUT_HEADER] };
}

interface ValidatedRequest {
  readonly query: UploadParameters;
  readonly body: PredictBody;
  readonly headers: { readonly [TIMEOUT_HEADER]?: number | undefined };
}

interface Exchange {
  readonly reader: PredictRequestReader;
  readonly parts: AppParts;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function answer({ reader, parts, request, reply }: Exchange, sources: PredictSources) {
  const predictRequest = reader.read(sources);
  const { inputs } = predictRequest;
  const answered = await parts.predictor.predict(predictRequest, connectionOf(reply));
  const { manifest, timings, predictions } = answered;
  request.served = {
    manifest,
    items: inputs.length,
    encodeSeconds: timings.encodeMs / 1000,
    imageBytes: inputs.reduce((total, input) => total + (input.kind === 'image' ? input.bytes.byteLength : 0), 0),
  };
  reply.header('server-timing', serverTiming(answered, reply.elapsedTime));
  return {
    id: request.id,
    model: manifest.model,
    version: manifest.version,
    predictions: predictions.map(({ label, score, scores }) => ({ label, score, scores: [...scores] })),
    usage: usageOf(answered),
  };
}

function usageOf({ manifest, predictions, tokens, truncated, shared, cached }: PredictAnswer) {
  return {
    items: predictions.length,
    ...(manifest.task === 'text-classification' ? { tokens, truncated } : {}),
    ...(shared > 0 ? { shared } : {}),
    ...(cached > 0 ? { cached } : {}),
  };
}

/** https://www.w3.org/TR/server-timing/ */
function serverTiming({ timings: { encodeMs, queueMs, runMs } }: PredictAnswer, totalMs: number): string {
  const entries = { encode: encodeMs, queue: queueMs, run: runMs, total: totalMs };
  return Object.entries(entries)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(2)}`)
    .join(', ');
}

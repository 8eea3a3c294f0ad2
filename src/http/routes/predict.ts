import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AppParts } from '../app.ts';
import { IMAGE_TYPES } from '../body-parsers.ts';
import { classify, type Exchange } from '../classify.ts';
import { grantedTo } from '../key-check.ts';
import { doorHook, TIMEOUT_HEADER } from '../request-timeout.ts';
import { errorResponses, modelParameter, versionParameter } from '../schemas.ts';
import { PredictRequestReader, type PredictSources } from './predict-request.ts';
import { predictResponse } from './predict-response.ts';
import {
  answerSchema,
  type PredictBody,
  predictBodySchema,
  predictHeadersSchema,
  type UploadParameters,
  uploadParametersSchema,
} from './predict-schemas.ts';

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
  const route = { onRequest: doorHook(parts) };
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

/** What a validated request says beside its path. */
function sourcesOf({ query, body, headers }: ValidatedRequest): Omit<PredictSources, 'target'> {
  return { query, body, headerTimeoutMs: headers[TIMEOUT_HEADER] };
}

interface ValidatedRequest {
  readonly query: UploadParameters;
  readonly body: PredictBody;
  readonly headers: { readonly [TIMEOUT_HEADER]?: number | undefined };
}

interface PredictExchange extends Exchange {
  readonly reader: PredictRequestReader;
}

async function answer(exchange: PredictExchange, sources: PredictSources) {
  const { reader, request } = exchange;
  const granted = grantedTo(request.client, reader.read(sources));
  return predictResponse(request.id, await classify(exchange, granted));
}

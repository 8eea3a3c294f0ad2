import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import { ServalError } from '../../errors.ts';
import { EXTENSIONS } from '../../open-inference/open-inference.ts';
import { RepositoryControl } from '../../open-inference/repository-control.ts';
import { adminGuard } from '../admin-guard.ts';
import { maxTensorBytes } from '../body-parsers.ts';
import { exceptRawBody, RawBody } from '../raw-body.ts';
import { modelParameter, versionParameter } from '../schemas.ts';
import { protocolErrorResponses } from './error-schemas.ts';
import { inferRoutes } from './open-inference-infer.ts';
import { targetOf } from './open-inference-path.ts';
import * as schemas from './open-inference-schemas.ts';
import type { ProtocolParts } from './protocol.ts';

const TAG = { tags: ['Open Inference Protocol'] };
const MODEL = z.object({ model: modelParameter });
const VERSION = z.object({ model: modelParameter, version: versionParameter });

/**
 * The Open Inference Protocol, version 2, over REST, with the binary tensor, classification, statistics and model
 * repository extensions: as tritonclient and KServe's InferenceRESTClient speak it.
 * https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 */
export async function openInferenceRoutes(instance: FastifyInstance, parts: ProtocolParts): Promise<void> {
  await instance.register((app, _options, done) => {
    const { config, installParser } = parts;
    app.removeAllContentTypeParsers();
    installParser(app, '*', {
      maxBytes: maxTensorBytes(config),
      parse: (body) => new RawBody(body),
      inflates: true,
    });
    app.setValidatorCompiler(exceptRawBody);
    // KServe's client compares the whole header.
    app.addHook('onSend', async (_request, reply) => {
      const isJson = String(reply.getHeader('content-type')).startsWith('application/json');
      if (isJson) reply.header('content-type', 'application/json');
    });
    serverRoutes(app, parts);
    modelRoutes(app, parts);
    repositoryRoutes(app, parts);
    inferRoutes(app, parts);
    done();
  });
}

function serverRoutes(app: FastifyInstance, { phase, repository }: ProtocolParts): void {
  app.get(
    '/v2/health/live',
    { schema: { ...TAG, summary: 'Whether the server answers', response: { 200: schemas.liveSchema } } },
    async () => ({ live: true }),
  );
  app.get(
    '/v2/health/ready',
    {
      schema: {
        ...TAG,
        summary: 'Whether the server takes inferences',
        response: { 200: schemas.readySchema, 503: schemas.readySchema },
      },
    },
    async (_request, reply) => {
      const ready = phase() === 'ready' && repository.anyReady;
      return reply.code(ready ? 200 : 503).send({ ready });
    },
  );
  for (const url of ['/v2', '/v2/']) {
    app.get(
      url,
      {
        schema: {
          ...TAG,
          hide: url === '/v2/',
          summary: 'Name, version and extensions of the server',
          response: { 200: schemas.serverMetadataSchema },
        },
      },
      async () => ({ name: packageJson.name, version: packageJson.version, extensions: [...EXTENSIONS] }),
    );
  }
}

function modelRoutes(app: FastifyInstance, { openInference, repository }: ProtocolParts): void {
  const { models, statistics } = openInference;
  for (const [prefix, params] of [
    ['/v2/models/:model', MODEL],
    ['/v2/models/:model/versions/:version', VERSION],
  ] as const) {
    app.get(
      prefix,
      {
        schema: {
          ...TAG,
          summary: 'Inputs and outputs of a model',
          params,
          response: { 200: schemas.modelMetadataSchema, ...protocolErrorResponses(400, 404, 503) },
        },
      },
      async (request) => {
        const { name, version } = targetOf(request);
        return models.metadata(name, version);
      },
    );
    app.get(
      `${prefix}/ready`,
      {
        schema: {
          ...TAG,
          summary: 'Whether a model takes inferences',
          params,
          response: {
            200: schemas.modelReadySchema,
            503: schemas.modelReadySchema,
            ...protocolErrorResponses(400, 404),
          },
        },
      },
      async (request, reply) => {
        const { name, version } = targetOf(request);
        const ready = models.isReady(name, version);
        return reply.code(ready ? 200 : 503).send({ name, ready });
      },
    );
    app.get(
      `${prefix}/stats`,
      {
        schema: {
          ...TAG,
          summary: 'Counts and times of a model',
          params,
          response: { 200: schemas.statisticsSchema, ...protocolErrorResponses(400, 404, 503) },
        },
      },
      async (request) => {
        const { name, version } = targetOf(request);
        return { model_stats: statistics.of(repository, name, version) };
      },
    );
  }
  app.get(
    '/v2/models/stats',
    { schema: { ...TAG, summary: 'Counts and times of all models', response: { 200: schemas.statisticsSchema } } },
    async () => ({ model_stats: statistics.of(repository, null, null) }),
  );
}

function repositoryRoutes(
  app: FastifyInstance,
  { openInference, management, repository, config }: ProtocolParts,
): void {
  app.post(
    '/v2/repository/index',
    {
      schema: {
        ...TAG,
        summary: 'All versions and their states',
        body: schemas.indexRequestSchema.optional(),
        response: { 200: schemas.indexSchema, ...protocolErrorResponses(400, 408, 413, 415, 429, 503) },
      },
    },
    async (request) => openInference.models.index(readyOnly(request.body)),
  );
  const control = new RepositoryControl(repository, management);
  for (const action of ['load', 'unload'] as const) {
    app.post(
      `/v2/repository/models/:model/${action}`,
      {
        onRequest: adminGuard(config),
        schema: {
          ...TAG,
          summary: `Management: ${action} all versions of a model`,
          description: 'Needs the bearer token of the management routes.',
          security: [{ adminToken: [] }],
          params: MODEL,
          response: {
            200: schemas.changedSchema,
            ...protocolErrorResponses(400, 401, 403, 404, 408, 409, 413, 415, 429, 503),
          },
        },
      },
      async (request) => {
        await control[action](targetOf(request).name);
        return {};
      },
    );
  }
}

/** @throws ServalError SERVAL_MALFORMED_JSON, SERVAL_INVALID_REQUEST */
function readyOnly(body: unknown): boolean {
  const text = body instanceof RawBody ? body.bytes.toString('utf8').trim() : '';
  if (text === '') return false;
  const parsed = schemas.indexRequestSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.ready ?? false;
  throw new ServalError('SERVAL_INVALID_REQUEST', 'The body must be empty or {"ready": true or false}.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServalError('SERVAL_MALFORMED_JSON', 'The body is not valid JSON.', { cause });
  }
}

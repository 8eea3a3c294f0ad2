import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Prediction } from '../../pipelines/pipeline.ts';
import type { PredictAnswer } from '../../pipelines/predictor.ts';
import { maxJsonBytes, parseJson } from '../body-parsers.ts';
import { classify, type Exchange } from '../classify.ts';
import { doorHook, TIMEOUT_HEADER } from '../request-timeout.ts';
import { predictHeadersSchema } from '../routes/predict-schemas.ts';
import { modelParameter, versionParameter } from '../schemas.ts';
import { protocolErrorResponses } from './error-schemas.ts';
import type { ProtocolParts } from './protocol.ts';
import {
  classifyBodySchema,
  type Format,
  formatOf,
  predictBodySchema,
  readExamples,
  readPredictInputs,
} from './tensorflow-request.ts';
import { chosenVersion, modelMetadata, modelStatus, type NamedVersion } from './tensorflow-status.ts';

const tags = ['TensorFlow Serving, KServe V1'];
const ERRORS = protocolErrorResponses(400, 404, 408, 413, 415, 429, 500, 503, 504);

const label = z.string().min(1).max(128).meta({ description: '`stable` or `latest`', example: 'stable' });

/** A version of a model as paths name it: by number, by label, or not at all. */
const PLACES = [
  { path: '', params: z.object({ model: modelParameter }), of: '' },
  {
    path: '/versions/:version([^:/]+)',
    params: z.object({ model: modelParameter, version: versionParameter }),
    of: ' of one version',
  },
  {
    path: '/labels/:label([^:/]+)',
    params: z.object({ model: modelParameter, label }),
    of: ' of the version with a label',
  },
] as const;

const predictAnswerSchema = z
  .union([z.object({ predictions: z.array(z.unknown()) }), z.object({ outputs: z.unknown() })])
  .meta({ id: 'TensorFlowPredictResponse' });
const classifyAnswerSchema = z
  .object({ results: z.array(z.array(z.tuple([z.string(), z.number()]))) })
  .meta({ id: 'TensorFlowClassifyResponse' });
const statusSchema = z
  .object({
    name: z.string(),
    ready: z.boolean(),
    model_version_status: z.array(
      z.object({
        version: z.string(),
        state: z.enum(['LOADING', 'AVAILABLE', 'UNLOADING', 'END']),
        status: z.object({ error_code: z.enum(['OK', 'UNKNOWN']), error_message: z.string() }),
      }),
    ),
  })
  .meta({ id: 'TensorFlowStatus' });
const metadataSchema = z
  .object({
    model_spec: z.object({ name: z.string(), signature_name: z.string(), version: z.string() }),
    metadata: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TensorFlowMetadata' });

/**
 * TensorFlow Serving's REST API, and KServe's version 1, which is its predict route with a list of models.
 * https://www.tensorflow.org/tfx/serving/api_rest
 * https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
 */
export async function tensorFlowServingRoutes(instance: FastifyInstance, parts: ProtocolParts): Promise<void> {
  const { config, installParser, repository } = parts;
  await instance.register((scope, _options, done) => {
    const limits = { maxTextBytes: config.maxTextBodyBytes, imageField: 'b64' };
    const parser = { maxBytes: maxJsonBytes(config), parse: (body: Buffer) => parseJson(body, limits) };
    // Its own server looks at no type: requests sends none, and curl -d a form's.
    scope.removeAllContentTypeParsers();
    installParser(scope, 'application/json', parser);
    installParser(scope, '*', parser);
    scope.addHook('preSerialization', async (_request, reply) => void reply.header('content-type', 'application/json'));
    const app = scope.withTypeProvider<ZodTypeProvider>();
    for (const { path, params, of } of PLACES) {
      const place = `/v1/models/:model([^:/]+)${path}`;
      const asking = { tags, params, headers: predictHeadersSchema(config) };
      app.post(
        `${place}::predict`,
        {
          onRequest: doorHook(parts),
          schema: {
            ...asking,
            summary: `Predictions${of}`,
            body: predictBodySchema,
            response: { 200: predictAnswerSchema, ...ERRORS },
          },
        },
        async (request, reply) => {
          const format = formatOf(request.body);
          const asked = target({ parts, request, reply }, request.params);
          const inputs = readPredictInputs(request.body, { kind: asked.kind, config });
          return predictAnswer(format, await asked.run(inputs));
        },
      );
      app.post(
        `${place}::classify`,
        {
          onRequest: doorHook(parts),
          schema: {
            ...asking,
            summary: `Classes${of}`,
            body: classifyBodySchema,
            response: { 200: classifyAnswerSchema, ...ERRORS },
          },
        },
        async (request, reply) => {
          const asked = target({ parts, request, reply }, request.params);
          const { predictions } = await asked.run(readExamples(request.body, { kind: asked.kind, config }));
          return {
            results: predictions.map(({ scores }) =>
              scores.map(({ label: name, score }): [string, number] => [name, score]),
            ),
          };
        },
      );
      const told = { tags, params };
      app.get(
        place,
        {
          schema: {
            ...told,
            summary: `Status${of}`,
            response: { 200: statusSchema, ...protocolErrorResponses(400, 404) },
          },
        },
        async ({ params: named }) => modelStatus(repository, named),
      );
      app.get(
        `${place}/metadata`,
        {
          schema: {
            ...told,
            summary: `Inputs and outputs${of}`,
            response: { 200: metadataSchema, ...protocolErrorResponses(400, 404, 503) },
          },
        },
        async ({ params: named }) => modelMetadata(named.model, resolve(parts, named).manifest),
      );
    }
    app.get(
      '/v1/models',
      {
        schema: { tags, summary: 'Names of the models', response: { 200: z.object({ models: z.array(z.string()) }) } },
      },
      async () => ({ models: repository.models }),
    );
    app.get(
      '/',
      {
        schema: {
          tags,
          summary: 'Whether the server lives',
          response: { 200: z.object({ status: z.literal('alive') }) },
        },
      },
      async () => ({ status: 'alive' as const }),
    );
    done();
  });
}

function resolve({ repository }: Exchange['parts'], named: NamedVersion) {
  return repository.resolve(named.model, chosenVersion(repository, named));
}

/** The model that a request is for: what it takes, and the way to its answers. */
function target(exchange: Exchange, named: NamedVersion) {
  const { parts, request } = exchange;
  const { manifest } = resolve(parts, named);
  const timeoutMs = Number(request.headers[TIMEOUT_HEADER] ?? parts.config.defaultTimeoutMs);
  return {
    kind: manifest.task === 'image-classification' ? ('image' as const) : ('text' as const),
    run: (inputs: ReturnType<typeof readPredictInputs>) =>
      classify(exchange, {
        model: manifest.model,
        version: manifest.version,
        inputs,
        options: { topK: Number.POSITIVE_INFINITY, functionToApply: null, truncate: true },
        timeoutMs,
        priority: 'interactive',
      }),
  };
}

/** Rows as objects, since the signature has several outputs; columns as one object of lists. */
function predictAnswer(format: Format, { manifest, predictions }: PredictAnswer) {
  const { labels } = manifest.classification;
  const rows = predictions.map((prediction) => ({
    label: prediction.label,
    score: prediction.score,
    scores: inLabelOrder(prediction, labels),
  }));
  if (format === 'row') return { predictions: rows };
  return {
    outputs: {
      label: rows.map((row) => row.label),
      score: rows.map((row) => row.score),
      scores: rows.map((row) => row.scores),
    },
  };
}

function inLabelOrder({ scores }: Prediction, labels: readonly string[]): number[] {
  const byLabel = new Map(scores.map(({ label: name, score }) => [name, score]));
  return labels.map((name) => byLabel.get(name) ?? 0);
}

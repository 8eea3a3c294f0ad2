import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ServalError } from '../../errors.ts';
import type { Input } from '../../pipelines/pipeline.ts';
import type { PredictAnswer } from '../../pipelines/predictor.ts';
import type { Manifest } from '../../repository/manifest.ts';
import type { ReadyVersion } from '../../repository/model-repository.ts';
import { maxJsonBytes, parseJson } from '../body-parsers.ts';
import { classify, type Exchange } from '../classify.ts';
import { connectionOf } from '../client-connection.ts';
import { doorHook, TIMEOUT_HEADER } from '../request-timeout.ts';
import { predictHeadersSchema } from '../routes/predict-schemas.ts';
import { modelParameter, versionParameter } from '../schemas.ts';
import { protocolErrorResponses } from './error-schemas.ts';
import type { ProtocolParts } from './protocol.ts';
import {
  classifyBodySchema,
  type Format,
  formatOf,
  type PredictBody,
  predictBodySchema,
  readExamples,
  readPredictInputs,
} from './tensorflow-request.ts';
import { chosenVersion, modelMetadata, modelStatus, type NamedVersion } from './tensorflow-status.ts';
import { readTensors, tensorsAnswer } from './tensorflow-tensors.ts';

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
  .object({ results: z.array(z.array(z.array(z.union([z.string(), z.number()])).length(2))) })
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
        async (request, reply) => predict({ parts, request, reply }, request.params, request.body),
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
          const exchange = { parts, request, reply };
          const { manifest, kind } = classifierOf(parts, request.params);
          const inputs = readExamples(request.body, { kind, config });
          const { predictions } = await classifyAll(exchange, manifest, inputs);
          return {
            results: predictions.map(({ scores }) => scores.map(({ label: name, score }) => [name, score])),
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

function resolve({ repository, tensorPredictor }: Exchange['parts'], named: NamedVersion): ReadyVersion {
  const version = chosenVersion(repository, named);
  return repository.has(named.model)
    ? repository.resolve(named.model, version)
    : tensorPredictor.resolve(named.model, version);
}

/** @throws ServalError SERVAL_INPUT_KIND where the model gives no labels. */
function classifierOf(parts: Exchange['parts'], named: NamedVersion) {
  const { manifest } = resolve(parts, named);
  if (manifest.task === 'tensor' || manifest.model !== named.model) {
    throw new ServalError('SERVAL_INPUT_KIND', `"${named.model}" gives raw tensors, no labels; use :predict.`);
  }
  const kind = manifest.task === 'image-classification' ? ('image' as const) : ('text' as const);
  return { manifest, kind };
}

async function predict(exchange: Exchange, named: NamedVersion, body: PredictBody) {
  const { parts, reply } = exchange;
  const format = formatOf(body);
  const { manifest } = resolve(parts, named);
  if (manifest.task === 'tensor' || manifest.model !== named.model) {
    const text = await predictTensors(exchange, { named, version: manifest.version, body });
    // Written by hand: JSON.stringify knows neither NaN nor 64-bit numbers.
    return reply.header('content-type', 'application/json').send(text) as never;
  }
  const { kind } = classifierOf(parts, named);
  const inputs = readPredictInputs(body, { kind, config: parts.config });
  return predictAnswer(format, await classifyAll(exchange, manifest, inputs));
}

interface TensorsAsked {
  readonly named: NamedVersion;
  readonly version: number;
  readonly body: PredictBody;
}

async function predictTensors(exchange: Exchange, { named, version, body }: TensorsAsked): Promise<string> {
  const { parts, request, reply } = exchange;
  const { manifest } = parts.tensorPredictor.resolve(named.model, version);
  const inputs = readTensors(body, manifest.inputs);
  const { outputs, timings } = await parts.tensorPredictor.infer(
    { model: named.model, version, inputs, outputs: null, timeoutMs: timeoutOf(exchange), priority: 'interactive' },
    connectionOf(reply),
  );
  const encodeSeconds = timings.encodeMs / 1000;
  request.served = { model: named.model, version, items: 1, encodeSeconds, imageBytes: 0 };
  return tensorsAnswer(outputs, formatOf(body), body.instances?.length ?? 0);
}

function classifyAll(exchange: Exchange, { model, version }: Manifest, inputs: readonly Input[]) {
  const options = { topK: Number.POSITIVE_INFINITY, functionToApply: null, truncate: true };
  return classify(exchange, {
    model,
    version,
    inputs,
    options,
    timeoutMs: timeoutOf(exchange),
    priority: 'interactive',
  });
}

function timeoutOf({ parts, request }: Exchange): number {
  return Number(request.headers[TIMEOUT_HEADER] ?? parts.config.defaultTimeoutMs);
}

/** Rows as objects, since the signature has several outputs; columns as one object of lists. */
function predictAnswer(format: Format, { predictions }: PredictAnswer) {
  const rows = predictions.map(({ label: name, score, byLabel }) => ({ label: name, score, scores: [...byLabel] }));
  if (format === 'row') return { predictions: rows };
  return {
    outputs: {
      label: rows.map((row) => row.label),
      score: rows.map((row) => row.score),
      scores: rows.map((row) => row.scores),
    },
  };
}

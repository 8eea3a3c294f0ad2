import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import { batchBoundsOn } from '../../config.ts';
import { ServalError } from '../../errors.ts';
import type { Input, LabelScore } from '../../pipelines/pipeline.ts';
import type { TextManifest } from '../../repository/manifest.ts';
import { classify, type Exchange } from '../classify.ts';
import { checkCount, pairInput, textInput } from '../inputs.ts';
import { doorHook, TIMEOUT_HEADER } from '../request-timeout.ts';
import { predictHeadersSchema } from '../routes/predict-schemas.ts';
import { modelParameter } from '../schemas.ts';
import { teiErrorResponses } from './error-schemas.ts';
import type { ProtocolParts } from './protocol.ts';

const SEQUENCE =
  'must be a text, a pair of texts, or a batch of lists of one or two texts: "a", ["a", "b"], or [["a"], ["b", "c"]]';

const bodySchema = z
  .looseObject({
    inputs: z
      .union(
        [z.string(), z.array(z.string()).min(1).max(2), z.array(z.array(z.string()).min(1).max(2)).min(1)],
        SEQUENCE,
      )
      .meta({ description: 'A text, a pair of texts, or a batch of both: `[["a text"], ["one", "of a pair"]]`.' }),
    raw_scores: z.boolean().optional().meta({ description: 'The graph’s output as it is.' }),
    truncate: z.boolean().nullish().meta({ description: 'Cut what is too long (default), or refuse it with false.' }),
    truncation_direction: z
      .enum(['left', 'right', 'Left', 'Right'])
      .optional()
      .meta({ description: 'The end that is cut away; the tokenizer’s own by default.' }),
  })
  .meta({
    id: 'TeiPredictRequest',
    examples: [{ inputs: 'A wonderful, moving film.' }, { inputs: [['It broke after two days.'], ['Great value.']] }],
  });

type Body = z.output<typeof bodySchema>;

const ranks = z.array(z.object({ score: z.number(), label: z.string() }));
const answerSchema = z.union([z.array(ranks), ranks]).meta({ id: 'TeiPredictResponse' });

const infoSchema = z
  .object({
    model_id: z.string(),
    model_sha: z.string(),
    model_dtype: z.string(),
    served_model_name: z.string(),
    model_type: z.object({
      classifier: z.object({ id2label: z.record(z.string(), z.string()), label2id: z.record(z.string(), z.int()) }),
    }),
    max_concurrent_requests: z.int(),
    max_input_length: z.int(),
    max_batch_tokens: z.int(),
    max_batch_requests: z.int().nullable(),
    max_client_batch_size: z.int(),
    auto_truncate: z.boolean(),
    tokenization_workers: z.int(),
    version: z.string(),
    sha: z.null(),
    docker_label: z.null(),
  })
  .meta({ id: 'TeiInfo' });

const params = z.object({ model: modelParameter });
const tags = ['Text Embeddings Inference'];

/**
 * The classification half of Hugging Face's Text Embeddings Inference, one server a model under `/tei/{model}`.
 * https://github.com/huggingface/text-embeddings-inference/blob/main/docs/openapi.json
 */
export function textEmbeddingsInferenceRoutes(instance: FastifyInstance, parts: ProtocolParts): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  const { config } = parts;
  app.post(
    '/tei/:model/predict',
    {
      onRequest: doorHook(parts),
      schema: {
        tags,
        summary: 'Labels and scores of a text, a pair of texts, or a batch of them',
        params,
        headers: predictHeadersSchema(config),
        body: bodySchema,
        response: { 200: answerSchema, ...teiErrorResponses(400, 404, 408, 413, 415, 422, 424, 429, 500, 503, 504) },
      },
    },
    async (request, reply) => {
      const timeoutMs = request.headers[TIMEOUT_HEADER] ?? config.defaultTimeoutMs;
      reply.header('content-type', 'application/json');
      return predict({ parts, request, reply }, { model: request.params.model, body: request.body, timeoutMs });
    },
  );
  app.get(
    '/tei/:model/info',
    {
      schema: {
        tags,
        summary: 'What the model is and what it takes',
        params,
        response: { 200: infoSchema, ...teiErrorResponses(404, 422, 424, 503) },
      },
    },
    async (request, reply) => {
      reply.header('content-type', 'application/json');
      return describe(textManifest(parts, request.params.model), parts);
    },
  );
  app.get(
    '/tei/:model/health',
    {
      schema: {
        tags,
        summary: 'Whether the model answers',
        description: 'An empty body; 503 where no version of the model is ready.',
        params,
        response: { 200: z.null().optional(), ...teiErrorResponses(404, 422, 503) },
      },
    },
    async (request, reply) => {
      parts.repository.resolve(request.params.model, null);
      return reply.code(200).send(undefined);
    },
  );
}

interface Asked {
  readonly model: string;
  readonly body: Body;
  readonly timeoutMs: number;
}

async function predict(exchange: Exchange, { model, body, timeoutMs }: Asked): Promise<LabelScore[] | LabelScore[][]> {
  const manifest = textManifest(exchange.parts, model);
  const { config } = exchange.parts;
  const sequences = sequencesOf(body.inputs);
  checkCount(sequences.length, config);
  const { predictions } = await classify(exchange, {
    model,
    version: manifest.version,
    inputs: sequences.map(
      ([text, pair], index): Input =>
        pair === undefined ? textInput(text, index, config) : pairInput([text, pair], index, config),
    ),
    options: {
      topK: Number.POSITIVE_INFINITY,
      functionToApply: body.raw_scores === true ? 'none' : null,
      truncate: body.truncate ?? true,
      truncationSide: sideOf(body.truncation_direction),
    },
    timeoutMs,
    priority: 'interactive',
  });
  const answers = predictions.map(({ scores }) => scores.map(({ label, score }) => ({ score, label })));
  const [first = []] = answers;
  return isBatch(body.inputs) ? answers : first;
}

function sideOf(direction: Body['truncation_direction']): 'left' | 'right' | undefined {
  if (direction === undefined) return undefined;
  return direction === 'left' || direction === 'Left' ? 'left' : 'right';
}

type Sequence = readonly [text: string, pair?: string];

function isBatch(inputs: Body['inputs']): inputs is string[][] {
  return Array.isArray(inputs) && Array.isArray(inputs[0]);
}

/** Where the first of a list is a text, the list is one sequence: a text alone, or a pair. */
function sequencesOf(inputs: Body['inputs']): Sequence[] {
  if (isBatch(inputs)) return inputs.map(sequenceOf);
  return [sequenceOf([inputs].flat() as string[])];
}

function sequenceOf([text = '', pair]: readonly string[]): Sequence {
  return pair === undefined ? [text] : [text, pair];
}

/** @throws ServalError SERVAL_INPUT_KIND where the model takes no texts. */
function textManifest({ repository }: ProtocolParts | Exchange['parts'], model: string): TextManifest {
  const { manifest } = repository.resolve(model, null);
  if (manifest.task === 'text-classification') return manifest;
  throw new ServalError('SERVAL_INPUT_KIND', `"${model}" is no text classification model; GET /models lists those.`);
}

function describe(manifest: TextManifest, { config, repository }: ProtocolParts) {
  const { model, version, text, classification, outputs, provenance } = manifest;
  const { labels } = classification;
  const bounds = batchBoundsOn(repository.find(model, version)?.executionProvider ?? 'cpu', config);
  return {
    model_id: model,
    model_sha: provenance.sha256,
    model_dtype: outputs.find(({ name }) => name === classification.output)?.dataType ?? 'float32',
    served_model_name: model,
    model_type: {
      classifier: {
        id2label: Object.fromEntries(labels.map((label, id) => [String(id), label])),
        label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
      },
    },
    max_concurrent_requests: config.maxQueueItems,
    max_input_length: text.maxTokens,
    max_batch_tokens: bounds.maxBatchTokens,
    max_batch_requests: bounds.maxBatchItems,
    max_client_batch_size: config.maxInputs,
    auto_truncate: true,
    // In the main process.
    tokenization_workers: 1,
    version: packageJson.version,
    sha: null,
    docker_label: null,
  };
}

import type { ZodTypeProvider } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ServalError } from '../../errors.ts';
import type { Input, LabelScore } from '../../pipelines/pipeline.ts';
import { maxJsonBytes, parseJson } from '../body-parsers.ts';
import { classify, type Exchange } from '../classify.ts';
import { ImageUpload } from '../image-upload.ts';
import { checkCount, imageInput, textInput } from '../inputs.ts';
import { doorHook, TIMEOUT_HEADER } from '../request-timeout.ts';
import { activation, predictHeadersSchema } from '../routes/predict-schemas.ts';
import { modelParameter } from '../schemas.ts';
import { protocolErrorResponses } from './error-schemas.ts';
import type { ProtocolParts } from './protocol.ts';

/** Of pictures, as Hugging Face's image-classification pipeline; of texts all labels are given. */
const DEFAULT_IMAGE_TOP_K = 5;
const OPENING_BRACE = 0x7b;

/** Unknown fields are passed over: the clients send options for servers of other kinds along. */
const bodySchema = z
  .looseObject({
    inputs: z
      .union([z.string(), z.array(z.string()).min(1)], 'must be a text, an image as base64, or a list of them')
      .meta({ description: 'A text, or for an image model the base64 of a file; a list gives a list of answers.' }),
    parameters: z
      .looseObject({
        top_k: z.int().min(1).max(100_000).nullish(),
        function_to_apply: activation.nullish(),
      })
      .nullish(),
  })
  .meta({
    id: 'HuggingFaceRequest',
    examples: [{ inputs: 'A wonderful, moving film.', parameters: { top_k: 2 } }],
  });

type Body = z.output<typeof bodySchema>;

const labelScores = z.array(z.object({ label: z.string(), score: z.number() }));
const answerSchema = z.union([z.array(labelScores), labelScores]).meta({ id: 'HuggingFaceResponse' });

/**
 * Hugging Face's Inference API, as `InferenceClient` of huggingface_hub and of npm's @huggingface/inference speak it:
 * a text gives `[[{label, score}…]]`, a picture `[{label, score}…]`. A picture comes as the body itself, of any type or
 * none, or as base64 in `inputs`.
 * https://huggingface.co/docs/inference-providers/tasks/text-classification
 */
export async function huggingFaceRoutes(instance: FastifyInstance, parts: ProtocolParts): Promise<void> {
  const { config, installParser } = parts;
  await instance.register((scope, _options, done) => {
    const limits = { maxTextBytes: config.maxTextBodyBytes, imageField: 'inputs' };
    const json = (body: Buffer) => parseJson(body, limits);
    scope.removeContentTypeParser('application/json');
    installParser(scope, 'application/json', { maxBytes: maxJsonBytes(config), parse: json });
    // The clients send pictures without a type, and curl sends JSON under a form's.
    installParser(scope, '*', {
      maxBytes: maxJsonBytes(config),
      parse: (body) => (body[0] === OPENING_BRACE ? json(body) : rawImage(body, config.maxImageBodyBytes)),
    });
    scope.withTypeProvider<ZodTypeProvider>().post(
      '/hf/models/:model',
      {
        onRequest: doorHook(parts),
        schema: {
          tags: ['Hugging Face'],
          summary: 'Classify a text or a picture',
          description:
            'The address for `InferenceClient(model="http://…/hf/models/sentiment")` and for `endpointUrl` of npm’s @huggingface/inference.',
          consumes: ['application/json', 'image/jpeg', 'image/png', 'image/webp', 'application/octet-stream'],
          params: z.object({ model: modelParameter }),
          headers: predictHeadersSchema(config),
          body: bodySchema,
          response: {
            200: answerSchema,
            ...protocolErrorResponses(400, 404, 408, 413, 415, 422, 424, 429, 500, 503, 504),
          },
        },
      },
      async (request, reply) => {
        const timeoutMs = request.headers[TIMEOUT_HEADER] ?? config.defaultTimeoutMs;
        reply.header('content-type', 'application/json');
        return answer({ parts, request, reply }, { model: request.params.model, body: request.body, timeoutMs });
      },
    );
    done();
  });
}

interface Asked {
  readonly model: string;
  readonly body: Body | ImageUpload;
  readonly timeoutMs: number;
}

async function answer(exchange: Exchange, { model, body, timeoutMs }: Asked): Promise<LabelScore[] | LabelScore[][]> {
  const { config, repository } = exchange.parts;
  const { manifest } = repository.resolve(model, null);
  const isImage = manifest.task === 'image-classification';
  const { inputs, parameters = null } = body instanceof ImageUpload ? { inputs: null } : body;
  const given = [inputs ?? []].flat();
  checkCount(given.length, config);
  const read = (text: string, index: number): Input =>
    isImage ? imageInput(text, index) : textInput(text, index, config);
  const { predictions } = await classify(exchange, {
    model,
    version: manifest.version,
    inputs: body instanceof ImageUpload ? body.files.map((bytes) => ({ kind: 'image', bytes })) : given.map(read),
    options: {
      topK: parameters?.top_k ?? (isImage ? DEFAULT_IMAGE_TOP_K : Number.POSITIVE_INFINITY),
      functionToApply: parameters?.function_to_apply ?? null,
      truncate: true,
    },
    timeoutMs,
    priority: 'interactive',
  });
  const answers = predictions.map(({ scores }) => scores.map(({ label, score }) => ({ label, score })));
  const [first = []] = answers;
  return isImage && !Array.isArray(inputs) ? first : answers;
}

function rawImage(body: Buffer, maxBytes: number): ImageUpload {
  if (body.byteLength <= maxBytes) return new ImageUpload([body], {});
  throw new ServalError('SERVAL_BODY_TOO_LARGE', `The body has more than ${maxBytes} bytes; send a smaller file.`, {
    details: { maxBytes },
  });
}

import { z } from 'zod';
import type { Config } from '../../config.ts';

export const activation = z
  .enum(['softmax', 'sigmoid', 'none'], 'must be softmax, sigmoid or none')
  .meta({ description: 'Makes scores of the graph’s output; the model’s own by default.' });

const TOP_K = { description: 'Scores to give, best first; 5 by default.' };
const MAX_TOP_K = 100_000;
const TIMEOUT = { description: 'The answer is of no use after this time; the server then stops working on it.' };

const priority = z
  .enum(['interactive', 'background'], 'must be interactive or background')
  .meta({ description: 'background yields to interactive (default) as if it had come 10 s later.' });

const modelName = z.string().min(1).max(128).meta({ description: 'Name of a model; GET /models lists them.' });

/** The body of a prediction in JSON. The limits stand in the document; the route checks them, each with its own code. */
export function predictBodySchema({ maxInputs, maxInputChars, maxTimeoutMs }: Config) {
  const text = z.string().meta({ minLength: 1, maxLength: maxInputChars });
  const image = z.strictObject({
    image: z.string().meta({ description: 'An image file as base64, or as a data: URL of it.' }),
  });
  const list = { maxItems: maxInputs };
  const inputs = z.union(
    [text, image, z.array(text).min(1).meta(list), z.array(image).min(1).meta(list)],
    'must be a text, {"image": base64}, or a list of one kind of them with at least one',
  );
  const parameters = z.strictObject({
    top_k: z.int().min(1).max(MAX_TOP_K).optional().meta(TOP_K),
    function_to_apply: activation.optional(),
    truncate: z
      .boolean()
      .optional()
      .meta({ description: 'Cut texts over the model’s token limit (default), or refuse them with false.' }),
    timeout_ms: z.int().min(1).max(maxTimeoutMs).optional().meta(TIMEOUT),
    priority: priority.optional(),
  });
  return z
    .strictObject({
      model: modelName.optional(),
      inputs: inputs.meta({ description: 'What to predict: one input or a list; each is answered, in order.' }),
      parameters: parameters.optional(),
    })
    .meta({
      id: 'PredictRequest',
      examples: [
        { inputs: 'The plot drags, but the acting is superb.' },
        { inputs: ['Great value for the price.', 'It broke after two days.'], parameters: { top_k: 1 } },
      ],
    });
}

export type PredictBody = z.output<ReturnType<typeof predictBodySchema>>;

/** What stands in the query, or among a form's fields, beside image files. */
export function uploadParametersSchema({ maxTimeoutMs }: Config) {
  return z.strictObject({
    model: modelName.optional(),
    top_k: z.coerce.number().int().min(1).max(MAX_TOP_K).optional().meta(TOP_K),
    function_to_apply: activation.optional(),
    timeout_ms: z.coerce.number().int().min(1).max(maxTimeoutMs).optional().meta(TIMEOUT),
    priority: priority.optional(),
  });
}

export type UploadParameters = z.output<ReturnType<typeof uploadParametersSchema>>;

/** Headers that a prediction reads before its body. */
export function predictHeadersSchema({ maxTimeoutMs }: Config) {
  return z.looseObject({
    'x-request-timeout-ms': z.coerce
      .number('must be a whole number of ms')
      .int()
      .min(1)
      .max(maxTimeoutMs)
      .optional()
      .meta({
        description: 'As timeout_ms, and refuses at once where the queue is longer; the smaller of both counts.',
      }),
  });
}

const labelScore = z.object({ label: z.string(), score: z.number() });

export const answerSchema = z
  .object({
    id: z.string().meta({ description: 'The request’s id, also in X-Request-Id and in the log.' }),
    model: z.string(),
    version: z.int(),
    predictions: z.array(labelScore.extend({ scores: z.array(labelScore).meta({ description: 'Descending.' }) })),
    usage: z.object({
      items: z.int(),
      tokens: z.int().optional().meta({ description: 'Of texts, special tokens included.' }),
      shared: z.int().optional().meta({ description: 'Inputs that shared the computation of an equal one in flight.' }),
      cached: z.int().optional().meta({ description: 'Inputs that were answered from the cache.' }),
      truncated: z.int().optional().meta({ description: 'Texts that were cut to the model’s limit.' }),
    }),
  })
  .meta({ id: 'PredictResponse' });

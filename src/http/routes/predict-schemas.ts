import { z } from 'zod';
import type { Config } from '../../config.ts';

/** The body of a prediction. The limits stand in the document; the route checks them, each with its own code. */
export function predictBodySchema({ maxInputs, maxInputChars, maxTimeoutMs }: Config) {
  const text = z.string().meta({ minLength: 1, maxLength: maxInputChars });
  const image = z.strictObject({ image: z.string().meta({ contentEncoding: 'base64' }) });
  const inputs = z.union(
    [
      text,
      image,
      z.array(text).min(1).meta({ maxItems: maxInputs }),
      z.array(image).min(1).meta({ maxItems: maxInputs }),
    ],
    'must be a text, {"image": base64}, or a list of one kind of them with at least one',
  );
  return z
    .strictObject({
      model: z.string().min(1).max(128).optional().meta({ description: 'Name of a model; GET /models lists them.' }),
      inputs: inputs.meta({ description: 'What to predict: one input or a list; each is answered, in order.' }),
      parameters: parametersSchema(maxTimeoutMs).optional(),
    })
    .meta({
      id: 'PredictRequest',
      examples: [
        { inputs: 'The plot drags, but the acting is superb.' },
        { inputs: ['Great value for the price.', 'It broke after two days.'], parameters: { top_k: 1 } },
      ],
    });
}

function parametersSchema(maxTimeoutMs: number) {
  return z.strictObject({
    top_k: z.int().min(1).max(100_000).optional().meta({ description: 'Scores to give, best first; 5 by default.' }),
    function_to_apply: z
      .enum(['softmax', 'sigmoid', 'none'], 'must be softmax, sigmoid or none')
      .optional()
      .meta({ description: 'Makes scores of the graph’s output; the model’s own by default.' }),
    truncate: z
      .boolean()
      .optional()
      .meta({ description: 'Cut texts over the model’s token limit (default), or refuse them with false.' }),
    timeout_ms: z
      .int()
      .min(1)
      .max(maxTimeoutMs)
      .optional()
      .meta({ description: 'The answer is of no use after this time; the server then stops working on it.' }),
  });
}

export type PredictBody = z.output<ReturnType<typeof predictBodySchema>>;

const labelScore = z.object({ label: z.string(), score: z.number() });

export const answerSchema = z
  .object({
    id: z.string().meta({ description: 'The request’s id, also in X-Request-Id and in the log.' }),
    model: z.string(),
    version: z.int(),
    predictions: z.array(labelScore.extend({ scores: z.array(labelScore).meta({ description: 'Descending.' }) })),
    usage: z.object({
      items: z.int(),
      tokens: z.int().optional(),
      truncated: z.int().optional().meta({ description: 'Inputs that were cut to the model’s limit.' }),
    }),
  })
  .meta({ id: 'PredictResponse' });

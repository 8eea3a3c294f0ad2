import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');

/** serval.json: only what Hugging Face's files do not say. Unknown keys are refused, so that a misspelling is seen. */
export const servalFileSchema = z.strictObject({
  task: z.enum(['text-classification', 'image-classification', 'tensor']).optional(),
  description: z.string().optional(),
  licence: z.string().optional(),
  source: z.string().optional(),
  metrics: z.record(z.string(), z.number()).optional(),
  temperature: z.number().positive().optional(),
  tolerance: z.number().positive().max(1).optional(),
  batching: z.enum(['auto', 'off']).optional(),
  execution_provider: z.enum(['auto', 'cpu', 'cuda']).optional(),
  model_file: z.string().min(1).optional(),
  /** File name to the SHA-256 of its bytes; checked before the model is loaded. */
  sha256: z.record(z.string(), sha256).optional(),
});
export type ServalFile = z.output<typeof servalFileSchema>;

/** Looked at as a whole: there are as many as labels times samples, and a schema for each takes a tenth of a second. */
const scores = z
  .custom<readonly number[]>(Array.isArray, 'must be a list of numbers')
  .superRefine((values, context) => {
    if (values.length === 0) context.addIssue({ code: 'custom', message: 'must have a score for each label' });
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) context.addIssue({ code: 'custom', message: 'must be a number', path: [wrong] });
  });

/** golden.json: inputs with the scores of the reference implementation, in label order. */
export const goldenFileSchema = z.strictObject({
  reference: z.string(),
  tolerance: z.number().positive().max(1),
  samples: z
    .array(
      z.strictObject({
        input: z.union(
          [z.string().min(1), z.strictObject({ image: z.string().min(1) })],
          'must be a text or {"image": file}',
        ),
        scores,
      }),
    )
    .min(1),
});
export type GoldenFile = z.output<typeof goldenFileSchema>;

import { z } from 'zod';

/**
 * The parts of Hugging Face's files that Serval acts on; other keys are ignored, as Transformers does.
 * Formats: https://huggingface.co/docs/transformers/main_classes/configuration and …/main_classes/tokenizer.
 */
export const modelConfigSchema = z.looseObject({
  model_type: z.string().optional(),
  id2label: z.record(z.string().regex(/^\d+$/, 'keys must be label ids, 0 and up'), z.string()).optional(),
  problem_type: z
    .enum(
      ['single_label_classification', 'multi_label_classification', 'regression'],
      'must be single_label_classification, multi_label_classification or regression',
    )
    .nullish(),
  max_position_embeddings: z.int().positive().optional(),
  pad_token_id: z.int().nonnegative().nullish(),
});
export type ModelConfig = z.output<typeof modelConfigSchema>;

const side = z.enum(['left', 'right'], 'must be left or right');

export const tokenizerConfigSchema = z.looseObject({
  /** Transformers writes 1e30 where there is no limit. */
  model_max_length: z.number().positive().optional(),
  truncation_side: side.optional(),
  padding_side: side.optional(),
});
export type TokenizerConfig = z.output<typeof tokenizerConfigSchema>;

/** Tens of thousands of tokens, or of pairs of them and their scores: a schema would copy them one by one. */
const vocab = z.custom<object>((value) => typeof value === 'object' && value !== null, 'must be there');

/** tokenizer.json of the tokenizers library; the library itself reads the rest. */
export const tokenizerSchema = z.looseObject({
  model: z.looseObject({ vocab }),
  padding: z.looseObject({ pad_id: z.int().nonnegative(), pad_type_id: z.int().nonnegative() }).nullish(),
  truncation: z.looseObject({ max_length: z.int().positive() }).nullish(),
});
export type TokenizerFile = z.output<typeof tokenizerSchema>;

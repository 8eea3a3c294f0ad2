import type { z } from 'zod';
import type { Config } from '../../config.ts';
import { ServalError } from '../../errors.ts';
import type { Input } from '../../pipelines/pipeline.ts';
import type { PredictRequest } from '../../pipelines/predictor.ts';
import { decodeImageText } from '../image-text.ts';
import { ImageUpload } from '../image-upload.ts';
import type { PredictBody, UploadParameters, uploadParametersSchema } from './predict-schemas.ts';

/** What a request says, in the places where it can. */
export interface PredictSources {
  /** Named by the path. */
  readonly target: { readonly model: string | null; readonly version: number | null };
  readonly query: UploadParameters;
  /** From X-Request-Timeout-Ms. */
  readonly headerTimeoutMs: number | undefined;
  readonly body: PredictBody | ImageUpload;
}

const DEFAULT_TOP_K = 5;

/** Reads predictions' requests of all three forms: JSON, multipart/form-data, and a raw image file. */
export class PredictRequestReader {
  readonly #config: Config;
  readonly #fieldsSchema: ReturnType<typeof uploadParametersSchema>;

  constructor(config: Config, fieldsSchema: ReturnType<typeof uploadParametersSchema>) {
    this.#config = config;
    this.#fieldsSchema = fieldsSchema;
  }

  /** @throws ServalError with what to change. */
  read({ target, query, body, headerTimeoutMs }: PredictSources): PredictRequest {
    const isUpload = body instanceof ImageUpload;
    const given: PredictBody['parameters'] & { model?: string | undefined } = isUpload
      ? this.#readFields(body.fields)
      : { model: body.model, ...body.parameters };
    return {
      model: oneModel([target.model, query.model, given.model]),
      version: target.version,
      inputs: this.#checkCount(isUpload ? uploadedImages(body) : this.#jsonInputs(body)),
      options: {
        topK: given.top_k ?? query.top_k ?? DEFAULT_TOP_K,
        functionToApply: given.function_to_apply ?? query.function_to_apply ?? null,
        truncate: given.truncate ?? true,
      },
      timeoutMs: this.#timeout([given.timeout_ms ?? query.timeout_ms, headerTimeoutMs]),
      priority: given.priority ?? query.priority ?? 'interactive',
    };
  }

  /** The smallest that the request names. */
  #timeout(named: readonly (number | undefined)[]): number {
    const given = named.filter((ms) => ms !== undefined);
    return given.length === 0 ? this.#config.defaultTimeoutMs : Math.min(...given);
  }

  #readFields(fields: Readonly<Record<string, string>>): UploadParameters {
    const parsed = this.#fieldsSchema.safeParse(fields);
    if (parsed.success) return parsed.data;
    const text = parsed.error.issues.map(fieldIssue).join('; ');
    throw new ServalError('SERVAL_INVALID_REQUEST', text);
  }

  #jsonInputs({ inputs }: PredictBody): Input[] {
    const { maxInputChars } = this.#config;
    return [inputs].flat().map((input, index): Input => {
      if (typeof input !== 'string') return { kind: 'image', bytes: decodeAt(index, input.image) };
      if (input.length <= maxInputChars) return { kind: 'text', text: input };
      const message = `Input ${index}: the text has ${input.length} characters, ${maxInputChars} are allowed.`;
      throw new ServalError('SERVAL_TEXT_TOO_LONG', message, { details: { input: index, maxInputChars } });
    });
  }

  #checkCount(inputs: Input[]): Input[] {
    const { maxInputs } = this.#config;
    if (inputs.length <= maxInputs) return inputs;
    const message = `The request has ${inputs.length} inputs, ${maxInputs} are allowed; send several requests.`;
    throw new ServalError('SERVAL_TOO_MANY_INPUTS', message, { details: { maxInputs } });
  }
}

function uploadedImages({ files }: ImageUpload): Input[] {
  if (files.length > 0) return files.map((bytes) => ({ kind: 'image', bytes }));
  throw new ServalError('SERVAL_INVALID_REQUEST', 'The form has no file; add an image as a file field.');
}

function decodeAt(index: number, text: string): Buffer {
  try {
    return decodeImageText(text);
  } catch (error) {
    if (!(error instanceof ServalError)) throw error;
    throw new ServalError(error.code, `Input ${index}: ${error.message}`, { details: { input: index } });
  }
}

/** The model that path, query and body agree on; null where none names one. */
function oneModel(named: readonly (string | null | undefined)[]): string | null {
  const names = [...new Set(named.filter((name) => name != null))];
  if (names.length <= 1) return names[0] ?? null;
  const message = `The request names several models: ${names.join(', ')}; name it once.`;
  throw new ServalError('SERVAL_MODEL_MISMATCH', message, { details: { models: names } });
}

function fieldIssue({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? `form: ${message}` : `form.${path.join('.')}: ${message}`;
}

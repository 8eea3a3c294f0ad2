import type { z } from 'zod';
import type { Config } from '../../config.ts';
import { ServalError } from '../../errors.ts';
import type { Input } from '../../pipelines/pipeline.ts';
import type { PredictRequest } from '../../pipelines/predictor.ts';
import { ImageUpload } from '../image-upload.ts';
import { checkCount, imageInput, textInput } from '../inputs.ts';
import { shortestMs } from '../request-timeout.ts';
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
      model: oneModel(target.model, query.model, given.model),
      version: target.version,
      inputs: this.#checked(isUpload ? uploadedImages(body) : this.#jsonInputs(body)),
      options: {
        topK: given.top_k ?? query.top_k ?? DEFAULT_TOP_K,
        functionToApply: given.function_to_apply ?? query.function_to_apply ?? null,
        truncate: given.truncate ?? true,
      },
      timeoutMs: shortestMs(given.timeout_ms ?? query.timeout_ms, headerTimeoutMs, this.#config.defaultTimeoutMs),
      priority: given.priority ?? query.priority ?? 'interactive',
    };
  }

  #readFields(fields: Readonly<Record<string, string>>): UploadParameters {
    const parsed = this.#fieldsSchema.safeParse(fields);
    if (parsed.success) return parsed.data;
    const text = parsed.error.issues.map(fieldIssue).join('; ');
    throw new ServalError('SERVAL_INVALID_REQUEST', text);
  }

  #jsonInputs({ inputs }: PredictBody): Input[] {
    return [inputs]
      .flat()
      .map((input, index) =>
        typeof input === 'string' ? textInput(input, index, this.#config) : imageInput(input.image, index),
      );
  }

  #checked(inputs: Input[]): Input[] {
    checkCount(inputs.length, this.#config);
    return inputs;
  }
}

function uploadedImages({ files }: ImageUpload): Input[] {
  if (files.length > 0) return files.map((bytes) => ({ kind: 'image', bytes }));
  throw new ServalError('SERVAL_INVALID_REQUEST', 'The form has no file; add an image as a file field.');
}

/** The model that path, query and body agree on; null where none names one. */
function oneModel(inPath: string | null, inQuery: string | undefined, inBody: string | undefined): string | null {
  const model = inPath ?? inQuery ?? inBody ?? null;
  if ((inQuery ?? model) === model && (inBody ?? model) === model) return model;
  const names = [...new Set([inPath, inQuery, inBody].filter((name) => name != null))];
  const message = `The request names several models: ${names.join(', ')}; name it once.`;
  throw new ServalError('SERVAL_MODEL_MISMATCH', message, { details: { models: names } });
}

function fieldIssue({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? `form: ${message}` : `form.${path.join('.')}: ${message}`;
}

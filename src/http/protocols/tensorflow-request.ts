import { z } from 'zod';
import type { Config } from '../../config.ts';
import { ServalError } from '../../errors.ts';
import type { Input, InputKind } from '../../pipelines/pipeline.ts';
import { checkCount, imageInput, textInput } from '../inputs.ts';

const SIGNATURE = 'serving_default';
const CLASSIFY = 'tensorflow/serving/classify';

/** Names of the one input of a model with a pipeline; TensorFlow's own convention ends names of binary values in `_bytes`. */
const INPUT_NAMES: Readonly<Record<InputKind, readonly string[]>> = {
  text: ['text'],
  image: ['image', 'image_bytes'],
};

const signature = z
  .string()
  .optional()
  .meta({ description: `Only \`${SIGNATURE}\`, which is the default.` });

export const predictBodySchema = z
  .looseObject({
    signature_name: signature,
    instances: z
      .array(z.unknown())
      .optional()
      .meta({ description: 'Rows: a text, `{"b64": …}` of an image file, or `{"text": …}`, `{"image": {"b64": …}}`.' }),
    inputs: z
      .unknown()
      .optional()
      .meta({ description: 'Columns: the same values, as `{"text": […]}` or the list alone.' }),
  })
  .meta({
    id: 'TensorFlowPredictRequest',
    examples: [{ instances: ['A wonderful, moving film.', 'It broke after two days.'] }],
  });

export const classifyBodySchema = z
  .looseObject({
    signature_name: signature,
    context: z.record(z.string(), z.unknown()).optional().meta({ description: 'Features that all examples share.' }),
    examples: z.array(z.record(z.string(), z.unknown())).min(1),
  })
  .meta({ id: 'TensorFlowClassifyRequest', examples: [{ examples: [{ text: 'A wonderful, moving film.' }] }] });

export type PredictBody = z.output<typeof predictBodySchema>;
export type ClassifyBody = z.output<typeof classifyBodySchema>;

/** Whether the answer lists rows or columns. */
export type Format = 'row' | 'column';

interface Reading {
  readonly kind: InputKind;
  readonly config: Config;
}

/** @throws ServalError SERVAL_INVALID_REQUEST where neither or both of `instances` and `inputs` are there. */
export function formatOf({ instances, inputs, signature_name }: PredictBody): Format {
  checkSignature(signature_name, [SIGNATURE]);
  if ((instances === undefined) === (inputs === undefined)) {
    throw invalid('The body needs either "instances" (rows) or "inputs" (columns).');
  }
  return instances === undefined ? 'column' : 'row';
}

/**
 * The inputs of a predict request to a model with a pipeline.
 * @throws ServalError
 */
export function readPredictInputs({ instances, inputs }: PredictBody, reading: Reading): Input[] {
  const values = instances === undefined ? columnOf(inputs, reading.kind) : instances;
  if (values.length === 0) throw invalid('There is no instance; send at least one.');
  checkCount(values.length, reading.config);
  return values.map((value, index) => inputOf(value, index, reading));
}

/** @throws ServalError */
export function readExamples({ examples, context = {}, signature_name }: ClassifyBody, reading: Reading): Input[] {
  checkSignature(signature_name, [SIGNATURE, CLASSIFY]);
  checkCount(examples.length, reading.config);
  return examples.map((example, index) => {
    const shared = Object.keys(example).find((name) => Object.hasOwn(context, name));
    if (shared !== undefined) throw invalid(`Example ${index}: "${shared}" stands in "context" already.`);
    return inputOf({ ...context, ...example }, index, reading);
  });
}

/** A list, one value, or either of them under the input's name. */
function columnOf(inputs: unknown, kind: InputKind): unknown[] {
  const value = isObject(inputs) && !isBase64(inputs) ? namedValue(inputs, kind, 'inputs') : inputs;
  return Array.isArray(value) ? value : [value];
}

function inputOf(given: unknown, index: number, { kind, config }: Reading): Input {
  const named = isObject(given) && !isBase64(given) ? namedValue(given, kind, `Input ${index}`) : given;
  // A feature is a value or a list of them.
  const value = Array.isArray(named) && named.length === 1 ? named[0] : named;
  if (kind === 'image') {
    if (isBase64(value)) return imageInput(value.b64, index);
    if (typeof value === 'string') return imageInput(value, index);
    throw invalid(`Input ${index}: an image is {"b64": "…"}, the base64 of a JPEG, PNG or WebP file.`);
  }
  if (typeof value === 'string') return textInput(value, index, config);
  if (isBase64(value)) return textInput(Buffer.from(value.b64, 'base64').toString('utf8'), index, config);
  throw invalid(`Input ${index}: a text is a string.`);
}

function namedValue(given: Readonly<Record<string, unknown>>, kind: InputKind, where: string): unknown {
  const names = Object.keys(given);
  const name = names.find((candidate) => INPUT_NAMES[kind].includes(candidate));
  if (name !== undefined && names.length === 1) return given[name];
  const found = names.length === 0 ? 'nothing' : names.map((text) => `"${text.slice(0, 64)}"`).join(', ');
  throw invalid(`${where}: the model takes one input, "${INPUT_NAMES[kind][0]}"; there is ${found}.`);
}

function checkSignature(name: string | undefined, known: readonly string[]): void {
  if (name === undefined || name === '' || known.includes(name)) return;
  throw invalid(`Serving signature name: "${name.slice(0, 64)}" not found in signature def; leave signature_name out.`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBase64(value: unknown): value is { readonly b64: string } {
  return isObject(value) && typeof value.b64 === 'string' && Object.keys(value).length === 1;
}

function invalid(message: string): ServalError {
  return new ServalError('SERVAL_INVALID_REQUEST', message);
}

import type { Config } from '../config.ts';
import { ServalError } from '../errors.ts';
import { freeTensor } from '../off-heap.ts';
import { decodeImageText } from '../pipelines/image-text.ts';
import type { Input, PredictOptions } from '../pipelines/pipeline.ts';
import type { ClientConnection, Predictor, Timings } from '../pipelines/predictor.ts';
import type { TensorPredictor } from '../pipelines/tensor-predictor.ts';
import type { ClassifierManifest, Manifest } from '../repository/manifest.ts';
import type { Tensor } from '../tensor.ts';
import { DATATYPE_NAMES, elementCount } from '../tensor.ts';
import { textOf } from './bytes-elements.ts';
import {
  type InferInput,
  type InferRequest,
  type Parameters,
  type RequestedOutput,
  tensorOf,
} from './infer-request.ts';
import { pipelineInput, type ServedModels } from './served-models.ts';
import { topClasses } from './top-classes.ts';

export interface InferResponse {
  /** As the request named it. */
  readonly name: string;
  readonly manifest: Manifest;
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters; readonly tensor: Tensor }[];
  /** Nobody else has the outputs: {@link freeOutputs} may give their memory back when they are sent. */
  readonly ownsOutputs: boolean;
  /** Inputs of a pipeline; 1 for raw tensors. */
  readonly items: number;
  readonly imageBytes: number;
  readonly timings: Timings;
}

export interface InferTarget {
  readonly name: string;
  /** Null for the served one. */
  readonly version: number | null;
  /** What the transport allows beside the request's own `timeout`. */
  readonly timeoutMs: number;
}

export interface InferenceOptions {
  readonly config: Config;
  readonly models: ServedModels;
  readonly predictor: Predictor;
  readonly tensorPredictor: TensorPredictor;
}

const PIPELINE_OUTPUTS = ['label', 'score', 'scores'];

/** Inference of the Open Inference Protocol, whatever transport it comes by. */
export class Inference {
  readonly #options: InferenceOptions;

  constructor(options: InferenceOptions) {
    this.#options = options;
  }

  /** @throws ServalError, naming the tensor where one is wrong. */
  async infer(target: InferTarget, request: InferRequest, client: ClientConnection): Promise<InferResponse> {
    const { kind, manifest } = this.#options.models.resolve(target.name, target.version);
    const timeoutMs = Math.min(target.timeoutMs, timeoutOf(request.parameters));
    const bounded = { ...target, timeoutMs, version: manifest.version };
    return kind === 'graph' || manifest.task === 'tensor'
      ? await this.#inferGraph(bounded, request, client)
      : await this.#inferPipeline({ ...bounded, manifest }, request, client);
  }

  async #inferGraph(target: InferTarget, request: InferRequest, client: ClientConnection): Promise<InferResponse> {
    const { name, version, timeoutMs } = target;
    const { manifest, outputs, ownsOutputs, timings } = await this.#options.tensorPredictor.infer(
      {
        model: name,
        version,
        inputs: Object.fromEntries(request.inputs.map((input) => [input.name, tensorOf(input)])),
        outputs: request.outputs?.map((output) => output.name) ?? null,
        timeoutMs,
        priority: 'interactive',
      },
      client,
    );
    const wanted = request.outputs?.length
      ? request.outputs
      : manifest.outputs.map((output) => ({ ...output, parameters: {} }));
    return {
      name,
      manifest,
      outputs: wanted.map((output) => answerTo(output, outputs[output.name], labelsOf(manifest, output.name))),
      ownsOutputs,
      items: 1,
      imageBytes: 0,
      timings,
    };
  }

  async #inferPipeline(
    { name, manifest, timeoutMs }: InferTarget & { readonly manifest: ClassifierManifest },
    { inputs: given, outputs, parameters }: InferRequest,
    client: ClientConnection,
  ): Promise<InferResponse> {
    const wanted = wantedOf(outputs);
    const inputs = readInputs(given, manifest, this.#options.config);
    const { predictions, imageBytes, timings } = await this.#options.predictor.predict(
      {
        model: manifest.model,
        version: manifest.version,
        inputs,
        options: optionsOf(parameters),
        timeoutMs,
        priority: 'interactive',
      },
      client,
    );
    const { labels } = manifest.classification;
    const tensors: Readonly<Record<string, Tensor>> = {
      label: { dataType: 'string', shape: [inputs.length], data: predictions.map(({ label }) => label) },
      score: {
        dataType: 'float32',
        shape: [inputs.length],
        data: Float32Array.from(predictions, ({ score }) => score),
      },
      scores: {
        dataType: 'float32',
        shape: [inputs.length, labels.length],
        data: Float32Array.from(predictions.flatMap(({ byLabel }) => byLabel)),
      },
    };
    return {
      name,
      manifest,
      outputs: wanted.map((output) => answerTo(output, tensors[output.name], output.name === 'scores' ? labels : null)),
      ownsOutputs: false,
      items: inputs.length,
      imageBytes,
      timings,
    };
  }
}

/** Gives back the memory of the outputs. Whoever still reads them finds them empty. */
export function freeOutputs({ ownsOutputs, outputs }: InferResponse): void {
  if (!ownsOutputs) return;
  for (const { tensor } of outputs) freeTensor(tensor);
}

/** `timeout` in µs, as Triton's clients send it. */
function timeoutOf({ timeout }: Parameters): number {
  const microseconds = typeof timeout === 'string' ? Number(timeout) : timeout;
  const isGiven = typeof microseconds === 'number' && microseconds > 0;
  return isGiven ? Math.max(1, microseconds / 1000) : Number.POSITIVE_INFINITY;
}

function optionsOf({ function_to_apply: name, truncate }: Parameters): PredictOptions {
  const functionToApply = name === 'softmax' || name === 'sigmoid' || name === 'none' ? name : null;
  if (name !== undefined && functionToApply === null) {
    throw new ServalError('SERVAL_INVALID_REQUEST', 'parameters.function_to_apply must be softmax, sigmoid or none.');
  }
  return { topK: 1, functionToApply, truncate: truncate !== false };
}

function wantedOf(outputs: readonly RequestedOutput[] | null): readonly RequestedOutput[] {
  if (outputs === null || outputs.length === 0) return PIPELINE_OUTPUTS.map((name) => ({ name, parameters: {} }));
  for (const [at, { name }] of outputs.entries()) {
    if (!PIPELINE_OUTPUTS.includes(name)) {
      const message = `The model has no output "${name.slice(0, 128)}"; it gives "label", "score" and "scores".`;
      throw new ServalError('SERVAL_TENSOR_NAME', message);
    }
    if (outputs.findIndex((output) => output.name === name) !== at) {
      throw new ServalError('SERVAL_TENSOR_NAME', `Output "${name}" is asked for twice.`);
    }
  }
  return outputs;
}

/** The texts or files of the one BYTES input that a pipeline takes. */
function readInputs(given: readonly InferInput[], manifest: ClassifierManifest, config: Config): Input[] {
  const name = pipelineInput(manifest);
  const other = given.find((input) => input.name !== name);
  if (other !== undefined) {
    const message = `The model has no input "${other.name.slice(0, 128)}"; it takes "${name}". Raw tensors go to "${manifest.model}.graph".`;
    throw new ServalError('SERVAL_TENSOR_NAME', message);
  }
  const [input] = given;
  if (input === undefined) throw new ServalError('SERVAL_TENSOR_NAME', `Input "${name}" is missing.`);
  const { dataType, shape, data } = input;
  if (dataType !== 'string') {
    const message = `Input "${name}" has datatype ${DATATYPE_NAMES[dataType]}, the model takes BYTES.`;
    throw new ServalError('SERVAL_TENSOR_DATATYPE', message);
  }
  // MLServer's codecs and Triton's batching clients write [n, 1] for n values.
  const isColumn = shape.length === 2 && shape[1] === 1;
  if ((shape.length !== 1 && !isColumn) || elementCount(shape) === 0) {
    const message = `Input "${name}" has shape [${shape.join(', ')}], the model takes [-1] with at least one element.`;
    throw new ServalError('SERVAL_TENSOR_SHAPE', message);
  }
  if (data.length > config.maxInputs) {
    const message = `Input "${name}" has ${data.length} elements, ${config.maxInputs} are allowed; send several requests.`;
    throw new ServalError('SERVAL_TOO_MANY_INPUTS', message, { details: { maxInputs: config.maxInputs } });
  }
  const elements = data as readonly (string | Uint8Array)[];
  if (name === 'text') return elements.map((element, index) => textInput(textOf(name, element, index), index, config));
  return elements.map((element) => ({
    kind: 'image',
    bytes: typeof element === 'string' ? decodeImageText(element) : element,
  }));
}

function textInput(text: string, index: number, { maxInputChars }: Config): Input {
  if (text.length <= maxInputChars) return { kind: 'text', text };
  const message = `Input "text", element ${index} has ${text.length} characters, ${maxInputChars} are allowed.`;
  throw new ServalError('SERVAL_TEXT_TOO_LONG', message, { details: { input: index, maxInputChars } });
}

/** The labels of a graph's output, where it is the one that a classifier reads. */
function labelsOf(manifest: Manifest, output: string): readonly string[] | null {
  return manifest.task !== 'tensor' && manifest.classification.output === output
    ? manifest.classification.labels
    : null;
}

function answerTo(
  { name, parameters }: RequestedOutput,
  tensor: Tensor | undefined,
  labels: readonly string[] | null,
): InferResponse['outputs'][number] {
  if (tensor === undefined) throw new Error(`This is a bug: no output ${name}`);
  const { classification } = parameters;
  const count = typeof classification === 'string' ? Number(classification) : classification;
  if (count === undefined || count === 0) return { name, parameters, tensor };
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0) {
    throw new ServalError(
      'SERVAL_INVALID_REQUEST',
      `Output "${name}": classification must be a whole number of classes.`,
    );
  }
  return { name, parameters, tensor: topClasses(name, tensor, count, labels) };
}

import { ServalError } from '../errors.ts';
import { DATATYPE_NAMES, type DataType, ELEMENT_BYTES, elementCount, type TensorData, zeros } from '../tensor.ts';
import {
  checkNames,
  checkShape,
  dataTypeOf,
  type InferInput,
  type InferRequest,
  inputFromBytes,
  type Layout,
  type Parameters,
  type RequestedOutput,
} from './infer-request.ts';

/**
 * Reads a request of the REST protocol: JSON, and behind it the binary tensors where there are any.
 * https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
 *
 * @param jsonBytes how much of the body is JSON; null for all of it.
 * @throws ServalError naming the tensor where one is wrong.
 */
export function readInferRequest(body: Uint8Array, jsonBytes: number | null): InferRequest {
  const json = body.subarray(0, jsonBytes ?? body.byteLength);
  const text = decode(json);
  try {
    return requestOf(parse(text), body.subarray(json.byteLength));
  } catch (error) {
    if (!(error instanceof UnsafeIntegerError)) throw error;
    // A number that a double cannot hold: once more, with every such number read from its digits.
    return requestOf(parse(text, exactIntegers), body.subarray(json.byteLength));
  }
}

/** An integer over 2^53 lost its last digits when it was parsed. */
class UnsafeIntegerError extends Error {}

function decode(json: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(json);
  } catch (cause) {
    throw new ServalError('SERVAL_MALFORMED_JSON', 'The JSON of the body is not UTF-8.', { cause });
  }
}

type Reviver = (key: string, value: unknown, context: { readonly source: string }) => unknown;

/** https://github.com/tc39/proposal-json-parse-with-source */
const exactIntegers: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    ? BigInt(source)
    : value;

function parse(text: string, reviver?: Reviver): unknown {
  try {
    return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
  } catch (cause) {
    const position = /position \d+( \(line \d+ column \d+\))?/.exec(String(cause))?.[0];
    const where = position === undefined ? '' : `, at ${position}`;
    throw new ServalError('SERVAL_MALFORMED_JSON', `The body is not valid JSON${where}.`, { cause });
  }
}

function requestOf(json: unknown, binary: Uint8Array): InferRequest {
  const { id, inputs, outputs, parameters } = objectOf(json, 'The body');
  if (id !== undefined && id !== null && typeof id !== 'string') throw invalid('"id" must be a text.');
  if (!Array.isArray(inputs)) throw invalid('"inputs" must be a list of tensors.');
  if (outputs !== undefined && outputs !== null && !Array.isArray(outputs)) {
    throw invalid('"outputs" must be a list of {"name": …}.');
  }
  const tensors = new BinaryTensors(binary);
  const read = inputs.map((input, index) => inputOf(input, index, tensors));
  tensors.finish();
  checkNames(read);
  return {
    id: id ?? null,
    inputs: read,
    outputs: outputs == null ? null : outputs.map(outputOf),
    parameters: parametersOf(parameters, 'The request'),
  };
}

/** The binary part of a body, taken by one input after another. */
class BinaryTensors {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(name: string, size: number): Uint8Array {
    const left = this.#bytes.byteLength - this.#at;
    if (size > left) {
      throw new ServalError(
        'SERVAL_TENSOR_DATA',
        `Input "${name}" has binary_data_size ${size}, but only ${left} bytes are left of the body; is it cut short?`,
      );
    }
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  finish(): void {
    const left = this.#bytes.byteLength - this.#at;
    if (left === 0) return;
    const message = `${left} bytes behind the JSON belong to no input; their binary_data_size must add up to the body's length.`;
    throw new ServalError('SERVAL_TENSOR_DATA', message);
  }
}

function inputOf(json: unknown, index: number, binary: BinaryTensors): InferInput {
  const { name, datatype, shape, data, parameters: given } = objectOf(json, `Input ${index}`);
  if (typeof name !== 'string' || name === '') throw invalid(`Input ${index} has no "name".`);
  if (typeof datatype !== 'string') throw invalid(`Input "${name}" has no "datatype".`);
  if (!Array.isArray(shape)) throw invalid(`Input "${name}" has no "shape", a list of numbers.`);
  const layout = { name, dataType: dataTypeOf(name, datatype), shape: checkShape(name, shape) };
  const parameters = parametersOf(given, `Input "${name}"`);
  const size = parameters.binary_data_size;
  if (size === undefined) {
    if (data === undefined)
      throw new ServalError('SERVAL_TENSOR_DATA', `Input "${name}" has no "data", nor a binary_data_size.`);
    return { ...layout, data: elementsOf(layout, data, parameters) };
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new ServalError('SERVAL_TENSOR_DATA', `Input "${name}": binary_data_size must be a whole number of bytes.`);
  }
  if (data !== undefined)
    throw new ServalError('SERVAL_TENSOR_DATA', `Input "${name}" has both "data" and a binary_data_size.`);
  return inputFromBytes(layout, binary.take(name, size));
}

function outputOf(json: unknown, index: number): RequestedOutput {
  const { name, parameters } = objectOf(json, `Output ${index}`);
  if (typeof name !== 'string' || name === '') throw invalid(`Output ${index} has no "name".`);
  return { name, parameters: parametersOf(parameters, `Output "${name}"`) };
}

/** `data` may be nested as the shape says, or flat: it is read in row-major order either way. */
function elementsOf({ name, dataType, shape }: Layout, data: unknown, parameters: Parameters): InferInput['data'] {
  const expected = elementCount(shape);
  const found = countElements(data, 0);
  if (found !== expected) {
    throw new ServalError(
      'SERVAL_TENSOR_DATA',
      `Input "${name}" has ${Number.isNaN(found) ? 'no list of' : found} elements, its shape [${shape.join(', ')}] needs ${expected}.`,
    );
  }
  if (dataType === 'string') return textsOf(name, data, parameters);
  const elements = zeros(dataType, expected);
  new Filler(name, dataType, elements).fill(data);
  return elements;
}

const MAX_DEPTH = 33;

/** NaN where it is no list, or one of too many levels. */
function countElements(data: unknown, depth: number): number {
  if (!Array.isArray(data)) return depth === 0 ? Number.NaN : 1;
  if (depth === MAX_DEPTH) return Number.NaN;
  if (data.length > 0 && !Array.isArray(data[0])) return data.some(Array.isArray) ? Number.NaN : data.length;
  return data.reduce<number>(
    (total, part) => total + (Array.isArray(part) ? countElements(part, depth + 1) : Number.NaN),
    0,
  );
}

/** MLServer's clients mark BYTES that are base64 so. */
function textsOf(name: string, data: unknown, { content_type }: Parameters): string[] | Uint8Array[] {
  const texts = [data].flat(MAX_DEPTH).map((text, index) => {
    if (typeof text === 'string') return text;
    throw new ServalError('SERVAL_TENSOR_DATA', `Input "${name}", element ${index}: BYTES in JSON are texts.`);
  });
  return content_type === 'base64' ? texts.map((text) => Buffer.from(text, 'base64')) : texts;
}

/** Writes JSON's elements into a tensor, each checked against the datatype. */
class Filler {
  readonly #name: string;
  readonly #dataType: Exclude<DataType, 'string'>;
  readonly #elements: Exclude<TensorData, string[]>;
  readonly #convert: (value: unknown) => number | bigint | null;
  #at = 0;

  constructor(name: string, dataType: Exclude<DataType, 'string'>, elements: Exclude<TensorData, string[]>) {
    this.#name = name;
    this.#dataType = dataType;
    this.#elements = elements;
    this.#convert = converterOf(dataType);
  }

  fill(data: unknown): void {
    for (const part of data as unknown[]) {
      if (Array.isArray(part)) {
        this.fill(part);
        continue;
      }
      const value = this.#convert(part);
      if (value === null) {
        const message = `Input "${this.#name}", element ${this.#at}: not a value of ${DATATYPE_NAMES[this.#dataType]}.`;
        throw new ServalError('SERVAL_TENSOR_DATA', message);
      }
      this.#elements[this.#at++] = value;
    }
  }
}

/** Makes a JSON value an element; null where it is none. */
function converterOf(dataType: Exclude<DataType, 'string'>): (value: unknown) => number | bigint | null {
  switch (dataType) {
    case 'bool':
      return (value) => (typeof value === 'boolean' ? Number(value) : null);
    case 'float32':
    case 'float64':
      return (value) => (typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : null);
    case 'float16':
      return (value) => (typeof value === 'number' ? float16Bits(value) : null);
    case 'int64':
      return (value) => wideInteger(value, -(2n ** 63n), 2n ** 63n - 1n);
    case 'uint64':
      return (value) => wideInteger(value, 0n, 2n ** 64n - 1n);
    default: {
      const bits = 8 * (ELEMENT_BYTES[dataType] ?? 1);
      const [min, max] = dataType.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
      return (value) =>
        typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : null;
    }
  }
}

function wideInteger(value: unknown, min: bigint, max: bigint): bigint | null {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new UnsafeIntegerError();
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value))) return null;
  const integer = BigInt(value);
  return integer >= min && integer <= max ? integer : null;
}

const HALF = new DataView(new ArrayBuffer(2)) as DataView & { setFloat16(at: number, value: number): void };

/** The 16 bits of the nearest half float. */
export function float16Bits(value: number): number {
  HALF.setFloat16(0, value);
  return HALF.getUint16(0);
}

function objectOf(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw invalid(`${what} must be a JSON object.`);
}

function parametersOf(json: unknown, what: string): Parameters {
  return json === undefined || json === null ? {} : objectOf(json, `${what}: "parameters"`);
}

function invalid(message: string): ServalError {
  return new ServalError('SERVAL_INVALID_REQUEST', message);
}

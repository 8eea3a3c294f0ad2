import { ServalError } from '../errors.ts';
import {
  DATATYPE_NAMES,
  type DataType,
  type DatatypeName,
  ELEMENT_BYTES,
  elementCount,
  elementsOrBytes,
  type Tensor,
  type TensorData,
} from '../tensor.ts';
import { readElements, textOf } from './bytes-elements.ts';

/** Parameters of a request, an input or an output: unknown ones are passed over, as the protocol says. */
export type Parameters = Readonly<Record<string, unknown>>;

/** An input tensor as it came: BYTES are texts from JSON, and bytes otherwise. */
export interface InferInput {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: TensorData | readonly Uint8Array[];
}

export interface RequestedOutput {
  readonly name: string;
  readonly parameters: Parameters;
}

/** One inference, whatever transport it came by. */
export interface InferRequest {
  readonly id: string | null;
  readonly inputs: readonly InferInput[];
  /** Null for all. */
  readonly outputs: readonly RequestedOutput[] | null;
  readonly parameters: Parameters;
}

const DATA_TYPES = Object.fromEntries(
  Object.entries(DATATYPE_NAMES).map(([dataType, name]) => [name, dataType as DataType]),
) as Readonly<Record<DatatypeName, DataType>>;

/** @throws ServalError SERVAL_TENSOR_DATATYPE naming the tensor. */
export function dataTypeOf(input: string, datatype: string): DataType {
  if (Object.hasOwn(DATA_TYPES, datatype)) return DATA_TYPES[datatype as DatatypeName];
  const names = Object.keys(DATA_TYPES).join(', ');
  throw new ServalError(
    'SERVAL_TENSOR_DATATYPE',
    `Input "${input}" has datatype "${datatype.slice(0, 32)}"; use one of ${names}.`,
  );
}

const MAX_AXES = 32;

/** @throws ServalError SERVAL_TENSOR_SHAPE naming the tensor. */
export function checkShape(input: string, shape: readonly number[]): readonly number[] {
  const isWhole = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (isWhole && shape.length <= MAX_AXES && Number.isSafeInteger(elementCount(shape))) return shape;
  const message = `Input "${input}": the shape must be a list of at most ${MAX_AXES} whole numbers of elements, none negative.`;
  throw new ServalError('SERVAL_TENSOR_SHAPE', message);
}

export type Layout = Omit<InferInput, 'data'>;

/**
 * An input from its raw little-endian bytes; numbers are viewed, not read.
 * @throws ServalError SERVAL_TENSOR_DATA naming the tensor, where the bytes are not as many as the shape says.
 */
export function inputFromBytes({ name, dataType, shape }: Layout, bytes: Uint8Array): InferInput {
  const count = elementCount(shape);
  if (dataType === 'string') return { name, dataType, shape, data: readElements(name, bytes, count) };
  const expected = count * (ELEMENT_BYTES[dataType] ?? 1);
  if (bytes.byteLength !== expected) {
    throw new ServalError(
      'SERVAL_TENSOR_DATA',
      `Input "${name}" has ${bytes.byteLength} bytes, shape [${shape.join(', ')}] of ${DATATYPE_NAMES[dataType]} needs ${expected}.`,
    );
  }
  return { name, dataType, shape, data: elementsOrBytes(dataType, bytes) };
}

/**
 * The input as a graph takes it.
 * @throws ServalError SERVAL_TENSOR_DATA where a BYTES element is no text: the runtime's texts are UTF-8.
 */
export function tensorOf({ name, dataType, shape, data }: InferInput): Tensor {
  if (!Array.isArray(data)) return { dataType, shape, data: data as TensorData };
  return { dataType, shape, data: data.map((element: string | Uint8Array, index) => textOf(name, element, index)) };
}

/** @throws ServalError SERVAL_TENSOR_NAME where two have one name. */
export function checkNames(inputs: readonly InferInput[]): void {
  const seen = new Set<string>();
  for (const { name } of inputs) {
    if (seen.has(name)) throw new ServalError('SERVAL_TENSOR_NAME', `Input "${name}" is given twice.`);
    seen.add(name);
  }
}

/** Element types of the ONNX runtime that Serval carries, by the runtime's own names. */
export type DataType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'string';

export type TensorData =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | string[];

/** A dense row-major tensor: `data.length` is the product of `shape`. float16 travels as its 16 raw bits in a Uint16Array, bool as 0 and 1 in a Uint8Array. */
export interface Tensor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Bytes of one element; null for texts, which have no fixed size. */
export const ELEMENT_BYTES: Readonly<Record<DataType, number | null>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
  string: null,
};

type NumericType = Exclude<DataType, 'string'>;
type View = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Exclude<TensorData, string[]>;

const VIEWS: Readonly<Record<NumericType, View>> = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
};

/**
 * Raw little-endian bytes as elements, without touching one: a view where the bytes stand aligned, else a view of one copy.
 * Every platform of the runtime is little-endian.
 */
export function viewOfBytes(dataType: NumericType, bytes: Uint8Array): Exclude<TensorData, string[]> {
  const size = ELEMENT_BYTES[dataType] ?? 1;
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new VIEWS[dataType](aligned.buffer, aligned.byteOffset, Math.floor(aligned.byteLength / size));
}

/**
 * Raw bytes as elements where they stand aligned, else as they are: they may travel so to where they come to lie aligned,
 * and are viewed there by {@link withElements}. Copies of megabytes would keep the garbage collector busy.
 */
export function elementsOrBytes(dataType: NumericType, bytes: Uint8Array): Exclude<TensorData, string[]> {
  return bytes.byteOffset % (ELEMENT_BYTES[dataType] ?? 1) === 0 ? viewOfBytes(dataType, bytes) : bytes;
}

/** Elements of a tensor, whether they are viewed already or still raw bytes. */
export function lengthOf({ dataType, data }: Tensor): number {
  const size = ELEMENT_BYTES[dataType] ?? 1;
  return data instanceof Uint8Array && size > 1 ? data.byteLength / size : data.length;
}

/** The tensor with its elements viewed. */
export function withElements(tensor: Tensor): Tensor {
  const { dataType, data } = tensor;
  if (dataType === 'string' || !(data instanceof Uint8Array) || ELEMENT_BYTES[dataType] === 1) return tensor;
  return { ...tensor, data: viewOfBytes(dataType, data) };
}

/** Elements that are all zero. */
export function zeros(dataType: NumericType, count: number): Exclude<TensorData, string[]> {
  return viewOfBytes(dataType, new Uint8Array(count * (ELEMENT_BYTES[dataType] ?? 1)));
}

/** The raw bytes behind numbers, not copied. */
export function bytesOfView(data: Exclude<TensorData, string[]>): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Memory that a tensor's elements take; texts as UTF-16. */
export function dataBytes(data: TensorData): number {
  if (!Array.isArray(data)) return data.byteLength;
  return data.reduce((total, text) => total + 2 * text.length, 0);
}

/** One input or output of a graph. A dimension is a number, a symbolic name such as `batch`, or null where the graph says nothing. */
export interface TensorInfo {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly (number | string | null)[];
}

/** The number of elements of a shape; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether the graph leaves this dimension open. */
export function isDynamic(dimension: number | string | null | undefined): boolean {
  return typeof dimension !== 'number';
}

/** The Open Inference Protocol's name of each element type; messages to clients use them. */
export const DATATYPE_NAMES = {
  bool: 'BOOL',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
} as const satisfies Record<DataType, string>;

export type DatatypeName = (typeof DATATYPE_NAMES)[DataType];

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

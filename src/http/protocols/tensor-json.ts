import { ServalError } from '../../errors.ts';
import {
  DATATYPE_NAMES,
  type DataType,
  elementCount,
  type Tensor,
  type TensorData,
  type TensorInfo,
} from '../../tensor.ts';

/** Tensors as nested lists of JSON, as TensorFlow Serving writes them: slow against binary tensors, and easy to read. */

/** Smallest and largest whole number of each type that has them. */
const RANGES: Readonly<Partial<Record<DataType, readonly [number, number]>>> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-2_147_483_648, 2_147_483_647],
  int64: [-(2 ** 63), 2 ** 63],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 4_294_967_295],
  uint64: [0, 2 ** 64],
};

/**
 * The tensor of a nested list; its shape is the list's own.
 * @throws ServalError SERVAL_TENSOR_SHAPE where it is not as deep as the graph's, or lists side by side differ in length;
 *   SERVAL_TENSOR_DATA where a value is not of the graph's type; both name the tensor.
 */
export function tensorOf(value: unknown, { name, dataType, shape: declared }: TensorInfo): Tensor {
  const shape = shapeOf(value, declared.length);
  if (shape.length !== declared.length) {
    const found = shape.length > declared.length ? `more than ${declared.length}` : shape.length;
    throw new ServalError(
      'SERVAL_TENSOR_SHAPE',
      `Input "${name}" is nested ${found} deep, the graph takes ${declared.length} axes.`,
    );
  }
  // Before memory is taken for as many elements as the first rows promise.
  checkEven(value, { name, shape, axis: 0 });
  const writer = writerOf(name, dataType, elementCount(shape));
  let at = 0;
  const fill = (part: unknown, axis: number): void => {
    if (axis < shape.length && Array.isArray(part)) for (const child of part) fill(child, axis + 1);
    else writer.element(part, at++);
  };
  fill(value, 0);
  return { dataType, shape, data: writer.data };
}

interface Place {
  readonly name: string;
  readonly shape: readonly number[];
  readonly axis: number;
}

function checkEven(part: unknown, { name, shape, axis }: Place): void {
  if (axis === shape.length) return;
  if (!Array.isArray(part) || part.length !== shape[axis]) {
    const found = Array.isArray(part) ? `${part.length} elements` : 'no list';
    throw new ServalError(
      'SERVAL_TENSOR_SHAPE',
      `Input "${name}" is ragged: along axis ${axis} there are ${shape[axis]} elements in one place and ${found} in another.`,
    );
  }
  if (axis + 1 < shape.length) for (const child of part) checkEven(child, { name, shape, axis: axis + 1 });
}

/** As deep as the first elements go, and one axis more than there may be at most. */
function shapeOf(value: unknown, maxAxes: number): number[] {
  const shape: number[] = [];
  for (let part = value; Array.isArray(part) && shape.length <= maxAxes; part = part[0]) shape.push(part.length);
  return shape;
}

interface Writer {
  readonly data: TensorData;
  element(value: unknown, at: number): void;
}

function writerOf(name: string, dataType: DataType, count: number): Writer {
  const refuse = (): never => {
    throw new ServalError(
      'SERVAL_TENSOR_DATA',
      `Input "${name}" holds a value that is no ${DATATYPE_NAMES[dataType]}; the graph takes nothing else.`,
    );
  };
  const number = (value: unknown): number => (typeof value === 'number' ? value : refuse());
  const [smallest, largest] = RANGES[dataType] ?? [Number.NaN, Number.NaN];
  const whole = (value: unknown): number =>
    Number.isInteger(value) && number(value) >= smallest && number(value) <= largest ? number(value) : refuse();
  const numbers = (
    data: Exclude<TensorData, string[] | BigInt64Array | BigUint64Array>,
    convert: (value: unknown) => number,
  ): Writer => ({
    data,
    element: (value, at) => {
      data[at] = convert(value);
    },
  });
  const wide = (data: BigInt64Array | BigUint64Array): Writer => ({
    data,
    element: (value, at) => {
      data[at] = BigInt(whole(value));
    },
  });
  switch (dataType) {
    case 'float32':
      return numbers(new Float32Array(count), number);
    case 'float64':
      return numbers(new Float64Array(count), number);
    case 'float16':
      return numbers(new Uint16Array(count), (value) => halfBits(number(value)));
    case 'int8':
      return numbers(new Int8Array(count), whole);
    case 'int16':
      return numbers(new Int16Array(count), whole);
    case 'int32':
      return numbers(new Int32Array(count), whole);
    case 'uint8':
      return numbers(new Uint8Array(count), whole);
    case 'uint16':
      return numbers(new Uint16Array(count), whole);
    case 'uint32':
      return numbers(new Uint32Array(count), whole);
    case 'bool':
      return numbers(new Uint8Array(count), (value) => (typeof value === 'boolean' ? Number(value) : refuse()));
    case 'int64':
      return wide(new BigInt64Array(count));
    case 'uint64':
      return wide(new BigUint64Array(count));
    case 'string': {
      const data = new Array<string>(count);
      return {
        data,
        element: (value, at) => {
          data[at] = textOf(value) ?? refuse();
        },
      };
    }
  }
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const { b64 } = typeof value === 'object' && value !== null && 'b64' in value ? value : { b64: null };
  return typeof b64 === 'string' ? Buffer.from(b64, 'base64').toString('utf8') : null;
}

/**
 * The JSON text of a tensor. Whole numbers keep all digits; NaN, Infinity and -Infinity stand as such, as TensorFlow Serving
 * writes them and Python reads them.
 */
export function tensorJson({ dataType, shape, data }: Tensor): string {
  const element = elementWriter(dataType, data);
  let at = 0;
  const write = (axis: number): string => {
    if (axis === shape.length) return element(at++);
    const parts = new Array<string>(shape[axis] ?? 0);
    for (let place = 0; place < parts.length; place++) parts[place] = write(axis + 1);
    return `[${parts.join(',')}]`;
  };
  return write(0);
}

function elementWriter(dataType: DataType, data: TensorData): (at: number) => string {
  switch (dataType) {
    case 'string':
      return (at) => JSON.stringify(data[at]);
    case 'bool':
      return (at) => (data[at] === 0 ? 'false' : 'true');
    case 'float16':
      return (at) => String(halfValue(Number(data[at])));
    default:
      return (at) => String(data[at]);
  }
}

/** Row `row` of a tensor: its first axis taken off. */
export function rowOf({ dataType, shape, data }: Tensor, row: number): Tensor {
  const rowShape = shape.slice(1);
  const size = elementCount(rowShape);
  return { dataType, shape: rowShape, data: data.slice(row * size, (row + 1) * size) };
}

const FLOAT = new Float32Array(1);
const FLOAT_BITS = new Uint32Array(FLOAT.buffer);

/** IEEE 754 binary16 of a number, rounded to the nearest, ties to even. */
export function halfBits(value: number): number {
  FLOAT[0] = value;
  const bits = FLOAT_BITS[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65,520 and more round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below 2^-14 a half counts in steps of 2^-24.
    const steps = Math.abs(FLOAT[0] ?? 0) * 2 ** 24;
    const floor = Math.floor(steps);
    const isUp = steps - floor > 0.5 || (steps - floor === 0.5 && floor % 2 === 1);
    return sign | (floor + (isUp ? 1 : 0));
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The number of a binary16's bits. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

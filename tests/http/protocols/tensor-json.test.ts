import { describe, expect, test } from 'vitest';
import { halfBits, halfValue, rowOf, tensorJson, tensorOf } from '../../../src/http/protocols/tensor-json.ts';
import type { DataType, Tensor } from '../../../src/tensor.ts';

/** @param axes how many the graph takes; those that the value has, where it is not given. */
function read(value: unknown, dataType: DataType = 'float32', axes = depthOf(value)): Tensor {
  return tensorOf(value, { name: 'x', dataType, shape: Array.from({ length: axes }, () => null) });
}

function depthOf(value: unknown): number {
  return Array.isArray(value) ? 1 + depthOf(value[0]) : 0;
}

describe('a nested list', () => {
  test.for([
    [
      'float32',
      [
        [1.5, -2],
        [0, 1e-3],
      ],
    ],
    ['float64', [[0.1], [1e300]]],
    ['float16', [[0.5, -65504]]],
    ['int8', [[-128, 127]]],
    ['int16', [[-32768, 32767]]],
    ['int32', [[-2147483648, 2147483647]]],
    ['int64', [[-(2 ** 53), 2 ** 53]]],
    ['uint8', [[0, 255]]],
    ['uint16', [[0, 65535]]],
    ['uint32', [[0, 4294967295]]],
    ['uint64', [[0, 2 ** 53]]],
    ['bool', [[true, false]]],
    ['string', [['good', 'ünï', '']]],
  ] as const)('of %s comes back as it went in', ([dataType, value]) => {
    const tensor = read(value, dataType);
    expect(tensor.shape).toEqual([value.length, value[0].length]);
    const back = JSON.parse(tensorJson(tensor)) as unknown[][];
    const expected = dataType === 'float32' ? value.map((row) => row.map((x) => Math.fround(Number(x)))) : value;
    expect(back).toEqual(expected);
  });

  test('may be a scalar, or four axes deep', () => {
    expect(read(7)).toMatchObject({ shape: [], data: Float32Array.of(7) });
    expect(read([[[[1]], [[2]]]])).toMatchObject({ shape: [1, 2, 1, 1], data: Float32Array.of(1, 2) });
    expect(tensorJson(read([[[[1]], [[2]]]]))).toBe('[[[[1]],[[2]]]]');
  });

  test.for([
    [[[1, 2], [3]], 'along axis 1 there are 2 elements in one place and 1 elements in another'],
    [[[1, 2], 3], 'along axis 1 there are 2 elements in one place and no list in another'],
  ] as const)('that is ragged is refused by the tensor’s name: %o', ([value, message]) => {
    expect(() => read(value)).toThrow(`Input "x" is ragged: ${message}`);
  });

  test.for([
    ['float32', ['1']],
    ['float32', [null]],
    ['float32', [1, [2]]],
    ['int8', [128]],
    ['int32', [1.5]],
    ['int64', [2 ** 65]],
    ['uint8', [-1]],
    ['bool', [1]],
    ['string', [1]],
  ] as const)('of %s refuses %o', ([dataType, value]) => {
    expect(() => read(value, dataType)).toThrow(/^Input "x" holds a value that is no /);
  });

  test.for([
    [[[1]], 1, 'Input "x" is nested more than 1 deep, the graph takes 1 axes.'],
    [[1], 2, 'Input "x" is nested 1 deep, the graph takes 2 axes.'],
    [1, 1, 'Input "x" is nested 0 deep, the graph takes 1 axes.'],
  ] as const)('must be as deep as the graph says: %o', ([value, axes, message]) => {
    expect(() => read(value, 'float32', axes)).toThrow(message);
  });

  test('that is nested without end is refused at once', () => {
    const value: unknown = JSON.parse(`${'['.repeat(500_000)}1${']'.repeat(500_000)}`);
    expect(() => read(value, 'float32', 2)).toThrow('nested more than 2 deep');
  });

  test('takes no memory for what its first row only promises', () => {
    const value = [Array.from({ length: 100_000 }, () => 0), ...Array.from({ length: 100_000 }, () => [])];
    expect(() => read(value, 'float32', 2)).toThrow('is ragged');
  });

  test('of texts takes base64', () => {
    expect(read([{ b64: 'Z29vZA==' }], 'string').data).toEqual(['good']);
  });
});

test('what JSON has no numbers for is written as TensorFlow Serving does', () => {
  const data = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  expect(tensorJson({ dataType: 'float32', shape: [3], data })).toBe('[NaN,Infinity,-Infinity]');
});

test('whole numbers of 64 bits keep their digits', () => {
  const data = BigInt64Array.of(9007199254740993n);
  expect(tensorJson({ dataType: 'int64', shape: [1], data })).toBe('[9007199254740993]');
});

test('an empty axis is an empty list', () => {
  expect(tensorJson({ dataType: 'float32', shape: [2, 0], data: new Float32Array(0) })).toBe('[[],[]]');
});

test('a row has the first axis taken off', () => {
  const tensor: Tensor = { dataType: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
  expect(rowOf(tensor, 1)).toEqual({ dataType: 'float32', shape: [2], data: Float32Array.of(3, 4) });
});

describe('half precision', () => {
  test('every number that it has comes back bit for bit', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfValue(bits);
      if (!Number.isNaN(value)) expect(halfBits(value)).toBe(bits);
    }
  });

  test.for([
    // Worked out with numpy.float16.
    [1 / 3, 0x3555],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [2 ** -25, 0x0000],
    [2 ** -24 * 1.5, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [-0, 0x8000],
    [Number.NaN, 0x7e00],
  ] as const)('%d is rounded to the nearest', ([value, bits]) => {
    expect(halfBits(value)).toBe(bits);
  });
});

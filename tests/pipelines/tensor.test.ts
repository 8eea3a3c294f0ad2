import { describe, expect, test } from 'vitest';
import { ServalError } from '../../src/errors.ts';
import { type NamedTensors, TensorPipeline } from '../../src/pipelines/tensor.ts';
import type { TensorManifest } from '../../src/repository/manifest.ts';
import type { Tensor, TensorInfo } from '../../src/tensor.ts';

const INPUTS: readonly TensorInfo[] = [
  { name: 'ids', dataType: 'int64', shape: ['batch', 'length'] },
  { name: 'mask', dataType: 'float32', shape: ['batch', 'length'] },
  { name: 'fixed', dataType: 'float32', shape: ['batch', 2] },
];
const OUTPUTS: readonly TensorInfo[] = [
  { name: 'y', dataType: 'float32', shape: ['batch', 3] },
  { name: 'z', dataType: 'float32', shape: ['batch'] },
];

function pipeline(batches = true): TensorPipeline {
  const manifest = { task: 'tensor', inputs: INPUTS, outputs: OUTPUTS, sharesFirstAxis: true };
  return new TensorPipeline(manifest as unknown as TensorManifest, batches);
}

function floats(...shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dataType: 'float32', shape, data: new Float32Array(count) };
}

function ids(...shape: number[]): Tensor {
  return { dataType: 'int64', shape, data: new BigInt64Array(floats(...shape).data.length) };
}

const GOOD: NamedTensors = { ids: ids(2, 5), mask: floats(2, 5), fixed: floats(2, 2) };

function refused(tensors: NamedTensors, wanted: readonly string[] | null = null): { code: string; message: string } {
  try {
    pipeline().encode(tensors, wanted);
  } catch (error) {
    if (error instanceof ServalError) return error;
  }
  throw new Error('was not refused');
}

test('tensors go to the graph as they came, all outputs by default', () => {
  const item = pipeline().encode(GOOD, null);
  expect(item.tensors).toBe(GOOD);
  expect(item.outputs).toEqual(['y', 'z']);
  expect(pipeline().encode(GOOD, ['z']).outputs).toEqual(['z']);
});

test('an item’s size is the product of the open dimensions of the first input', () => {
  expect(pipeline().encode(GOOD, null).size).toBe(10);
});

test('only items of equal further axes are of one group', () => {
  const other = { ids: ids(7, 5), mask: floats(7, 5), fixed: floats(7, 2) };
  const longer = { ids: ids(2, 6), mask: floats(2, 6), fixed: floats(2, 2) };
  const { group } = pipeline().encode(GOOD, null);
  expect(pipeline().encode(other, null).group).toBe(group);
  expect(pipeline().encode(longer, null).group).not.toBe(group);
});

test('where rows must not mix, an item is of no group', () => {
  expect(pipeline(false).encode(GOOD, null).group).toBeNull();
});

describe('refuses, and names the tensor', () => {
  test.each<[string, NamedTensors, string, string]>([
    ['a missing input', { ids: ids(2, 5), mask: floats(2, 5) }, 'SERVAL_TENSOR_NAME', '"fixed" is missing'],
    ['an unknown input', { ...GOOD, more: floats(1) }, 'SERVAL_TENSOR_NAME', 'no input "more"'],
    [
      'a wrong datatype',
      { ...GOOD, ids: floats(2, 5) },
      'SERVAL_TENSOR_DATATYPE',
      '"ids" has datatype FP32, the graph takes INT64',
    ],
    [
      'a wrong fixed axis',
      { ...GOOD, fixed: floats(2, 3) },
      'SERVAL_TENSOR_SHAPE',
      '"fixed" has shape [2, 3], the graph takes [-1, 2]',
    ],
    ['a wrong rank', { ...GOOD, mask: floats(10) }, 'SERVAL_TENSOR_SHAPE', '"mask" has shape [10]'],
    [
      'an empty dimension',
      { ...GOOD, mask: floats(0, 5) },
      'SERVAL_TENSOR_SHAPE',
      '"mask" has shape [0, 5]: an empty dimension',
    ],
    [
      'axes of one name and two lengths',
      { ...GOOD, mask: floats(2, 4) },
      'SERVAL_TENSOR_SHAPE',
      '"mask" has 4 along axis 1 ("length")',
    ],
    [
      'too few elements',
      { ...GOOD, mask: { ...floats(2, 4), shape: [2, 5] } },
      'SERVAL_TENSOR_DATA',
      '"mask" has 8 elements',
    ],
  ])('%s', (_, tensors, code, message) => {
    const error = refused(tensors);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  test('an unknown output, and one asked for twice', () => {
    expect(refused(GOOD, ['y', 'q'])).toMatchObject({
      code: 'SERVAL_TENSOR_NAME',
      message: expect.stringContaining('"q"'),
    });
    expect(refused(GOOD, ['y', 'y']).message).toContain('"y" is asked for twice');
  });

  test('an input called as a member of every object', () => {
    expect(refused({ ...GOOD, constructor: floats(1) }).code).toBe('SERVAL_TENSOR_NAME');
  });
});

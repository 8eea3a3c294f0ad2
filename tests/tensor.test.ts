import { expect, test } from 'vitest';
import { bytesOfView, dataBytes, elementCount, isDynamic, viewOfBytes } from '../src/tensor.ts';

test('a shape has as many elements as the product of its sizes', () => {
  expect(elementCount([2, 3, 4])).toBe(24);
});

test('a scalar has one element', () => {
  expect(elementCount([])).toBe(1);
});

test('an empty axis empties the tensor', () => {
  expect(elementCount([4, 0, 2])).toBe(0);
});

test('named and unnamed dimensions are dynamic, numbers are not', () => {
  expect(['batch', null, undefined, 0, 3].map(isDynamic)).toEqual([true, true, true, false, false]);
});

test('aligned bytes are viewed, not copied; others are copied once', () => {
  const buffer = new Uint8Array(24);
  buffer.set([0, 0, 128, 63, 0, 0, 0, 64], 4);
  const aligned = viewOfBytes('float32', buffer.subarray(4, 12));
  expect(aligned).toEqual(Float32Array.of(1, 2));
  expect(aligned.buffer).toBe(buffer.buffer);
  const moved = new Uint8Array([9, ...buffer.subarray(4, 12)]).subarray(1);
  const copied = viewOfBytes('float32', moved);
  expect(copied).toEqual(Float32Array.of(1, 2));
  expect(copied.buffer).not.toBe(moved.buffer);
});

test('elements and their bytes are two views of the same memory', () => {
  const values = BigInt64Array.of(-1n, 2n).subarray(1);
  expect(bytesOfView(values)).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0));
  expect(bytesOfView(values).buffer).toBe(values.buffer);
});

test('memory of elements is counted, of texts as UTF-16', () => {
  expect(dataBytes(new Float64Array(3))).toBe(24);
  expect(dataBytes(['ab', ''])).toBe(4);
});

import { expect, test } from 'vitest';
import { elementCount, isDynamic } from '../src/tensor.ts';

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

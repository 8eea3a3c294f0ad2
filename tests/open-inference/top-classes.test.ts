import { expect, test } from 'vitest';
import { topClasses } from '../../src/open-inference/top-classes.ts';
import type { Tensor } from '../../src/tensor.ts';

const scores: Tensor = { dataType: 'float32', shape: [2, 3], data: Float32Array.of(0.1, 0.7, 0.2, 0.5, 0, 0.5) };

test('the best of each row as value, place and label, equal ones in their order', () => {
  expect(topClasses('y', scores, 2, ['a', 'b', 'c'])).toEqual({
    dataType: 'string',
    shape: [2, 2],
    data: ['0.7:1:b', '0.2:2:c', '0.5:0:a', '0.5:2:c'],
  });
});

test('without labels there is no third part, and no more classes than there are', () => {
  const { shape, data } = topClasses('y', scores, 9, null);
  expect(shape).toEqual([2, 3]);
  expect(data[0]).toBe('0.7:1');
});

test('values read back as the same float32', () => {
  const value = Math.fround(1 / 3) * 2 ** -30;
  const [text = ''] = topClasses('y', { dataType: 'float32', shape: [1, 1], data: Float32Array.of(value) }, 1, null)
    .data as string[];
  expect(Math.fround(Number(text.split(':')[0]))).toBe(value);
});

test('wide integers are compared as such', () => {
  const data = BigInt64Array.of(9007199254740993n, 9007199254740992n);
  expect(topClasses('y', { dataType: 'int64', shape: [1, 2], data }, 1, null).data).toEqual(['9007199254740993:0']);
});

test('texts have no best', () => {
  expect(() => topClasses('y', { dataType: 'string', shape: [1], data: ['a'] }, 1, null)).toThrow('"y" is BYTES');
});

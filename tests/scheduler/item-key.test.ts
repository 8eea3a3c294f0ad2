import { expect, test } from 'vitest';
import type { EncodedItem } from '../../src/scheduler/item.ts';
import { keyOf } from '../../src/scheduler/item-key.ts';

function tokens(ids: readonly number[], typeIds?: readonly number[]): EncodedItem {
  const item = { kind: 'tokens', ids: Int32Array.from(ids) } as const;
  return typeIds === undefined ? item : { ...item, typeIds: Int32Array.from(typeIds) };
}

test('texts with the same ids have the same key, and no others', () => {
  expect(keyOf(tokens([1, 2]))).toBe(keyOf(tokens([1, 2])));
  expect(keyOf(tokens([1, 2]))).not.toBe(keyOf(tokens([1, 2, 0])));
});

test('a pair has another key than the same ids as one text, or divided elsewhere', () => {
  const keys = [tokens([1, 2, 3, 4]), tokens([1, 2, 3, 4], [0, 0, 0, 1]), tokens([1, 2, 3, 4], [0, 1, 1, 1])].map(
    keyOf,
  );
  expect(new Set(keys).size).toBe(3);
});

test('images are told apart by their bytes', () => {
  const key = (byte: number) => keyOf({ kind: 'image', bytes: Uint8Array.of(byte) });
  expect(key(1)).toBe(key(1));
  expect(key(1)).not.toBe(key(2));
});

test('raw tensors have a key of names, types, shapes, elements and wanted outputs', () => {
  const item = (part: { name?: string; shape?: number[]; values?: number[]; outputs?: string[] } = {}): EncodedItem => {
    const { name = 'x', shape = [2], values = [1, 2], outputs = ['y'] } = part;
    const tensors = { [name]: { dataType: 'float32', shape, data: Float32Array.from(values) } as const };
    return { kind: 'tensors', tensors, outputs, size: 1, group: null };
  };
  expect(keyOf(item())).toBe(keyOf(item()));
  const others = [item({ name: 'z' }), item({ shape: [1, 2] }), item({ values: [1, 3] }), item({ outputs: ['q'] })];
  expect(new Set([item(), ...others].map(keyOf)).size).toBe(5);
});

import { describe, expect, test } from 'vitest';
import type { EncodedItem } from '../../src/scheduler/item.ts';
import type { DataType, TensorInfo } from '../../src/tensor.ts';
import { collate, split } from '../../src/workers/collate.ts';
import type { CollateSpec } from '../../src/workers/protocol.ts';

const SPEC: CollateSpec & { readonly kind: 'tokens' } = {
  kind: 'tokens',
  inputNames: { ids: 'input_ids', attentionMask: 'attention_mask', tokenTypeIds: 'token_type_ids' },
  padId: 0,
  padTypeId: 0,
  paddingSide: 'right',
  fixedLength: null,
};

function tokens(...ids: number[]): EncodedItem {
  return { kind: 'tokens', ids: Int32Array.from(ids) };
}

function inputs(dataType: DataType = 'int64'): TensorInfo[] {
  return ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({ name, dataType, shape: ['b', 's'] }));
}

/** A tensor's rows as numbers. */
function rows(tensor: { shape: readonly number[]; data: ArrayLike<unknown> } | undefined): number[][] {
  const [count = 0, length = 0] = tensor?.shape ?? [];
  const values = Array.from(tensor?.data ?? [], Number);
  return Array.from({ length: count }, (_, row) => values.slice(row * length, (row + 1) * length));
}

describe('collate', () => {
  test('pads on the right to the longest item, and masks the padding', () => {
    const feeds = collate([tokens(5, 6, 7), tokens(8)], { ...SPEC, padId: 9 }, inputs());
    expect(rows(feeds.input_ids)).toEqual([
      [5, 6, 7],
      [8, 9, 9],
    ]);
    expect(rows(feeds.attention_mask)).toEqual([
      [1, 1, 1],
      [1, 0, 0],
    ]);
  });

  test('pads on the left where the tokenizer does', () => {
    const feeds = collate([tokens(5, 6, 7), tokens(8)], { ...SPEC, paddingSide: 'left' }, inputs());
    expect(rows(feeds.input_ids)[1]).toEqual([0, 0, 8]);
    expect(rows(feeds.attention_mask)[1]).toEqual([0, 0, 1]);
  });

  test('pads to the graph’s fixed length', () => {
    const feeds = collate([tokens(5, 6)], { ...SPEC, fixedLength: 4 }, inputs());
    expect(rows(feeds.input_ids)).toEqual([[5, 6, 0, 0]]);
  });

  test('gives padding its own token type', () => {
    const feeds = collate([tokens(5, 6, 7), tokens(8)], { ...SPEC, padTypeId: 3 }, inputs());
    expect(rows(feeds.token_type_ids)).toEqual([
      [0, 0, 0],
      [0, 3, 3],
    ]);
  });

  test('fills only the inputs that the graph has', () => {
    const inputNames = { ids: 'words', attentionMask: null, tokenTypeIds: null };
    const info: TensorInfo[] = [{ name: 'words', dataType: 'int64', shape: ['b', 's'] }];
    expect(Object.keys(collate([tokens(1)], { ...SPEC, inputNames }, info))).toEqual(['words']);
  });

  test('writes 32-bit ids where the graph takes those', () => {
    const feeds = collate([tokens(5, 6)], SPEC, inputs('int32'));
    expect(feeds.input_ids).toMatchObject({ dataType: 'int32', shape: [1, 2], data: Int32Array.of(5, 6) });
  });

  test('writes whole 64-bit ids', () => {
    const feeds = collate([tokens(250_001)], SPEC, inputs());
    expect(feeds.input_ids?.data).toEqual(BigInt64Array.of(250_001n));
  });
});

describe('split', () => {
  test('gives each item its row, the batch’s axis taken off', () => {
    const items = split({ y: { dataType: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } }, 2);
    expect(items.map(({ y }) => [y?.shape, y?.data])).toEqual([
      [[3], Float32Array.of(1, 2, 3)],
      [[3], Float32Array.of(4, 5, 6)],
    ]);
  });

  test('gives a scalar an item where the output has only the batch’s axis', () => {
    const items = split({ y: { dataType: 'int64', shape: [2], data: BigInt64Array.of(7n, 8n) } }, 2);
    expect(items[1]?.y).toEqual({ dataType: 'int64', shape: [], data: BigInt64Array.of(8n) });
  });

  test('does not share memory between items', () => {
    const data = Float32Array.of(1, 2);
    const items = split({ y: { dataType: 'float32', shape: [2, 1], data } }, 2);
    data[0] = 99;
    expect(items[0]?.y?.data[0]).toBe(1);
  });

  test.each([
    ['fewer rows', [1, 3], 3],
    ['more rows', [3, 3], 9],
    ['no rows', [], 1],
    ['fewer numbers than its shape says', [2, 3], 4],
  ])('refuses an output of %s', (_, shape, length) => {
    const output = { dataType: 'float32' as const, shape, data: new Float32Array(length) };
    expect(() => split({ y: output }, 2)).toThrow(/output "y" has shape .* for a batch of 2/);
  });
});

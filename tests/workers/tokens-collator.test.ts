import { expect, test } from 'vitest';
import type { EncodedItem } from '../../src/scheduler/item.ts';
import type { DataType, TensorInfo } from '../../src/tensor.ts';
import type { TokensSpec } from '../../src/workers/protocol.ts';
import { createTokensCollator } from '../../src/workers/tokens-collator.ts';

const SPEC: TokensSpec = {
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

async function collate(items: readonly EncodedItem[], spec: TokensSpec, graphInputs: readonly TensorInfo[]) {
  const { feeds } = await createTokensCollator(spec, graphInputs)(items);
  if (feeds === null) throw new Error('nothing was collated');
  return feeds;
}

/** A tensor's rows as numbers. */
function rows(tensor: { shape: readonly number[]; data: ArrayLike<unknown> } | undefined): number[][] {
  const [count = 0, length = 0] = tensor?.shape ?? [];
  const values = Array.from(tensor?.data ?? [], Number);
  return Array.from({ length: count }, (_, row) => values.slice(row * length, (row + 1) * length));
}

test('pads on the right to the longest item, and masks the padding', async () => {
  const feeds = await collate([tokens(5, 6, 7), tokens(8)], { ...SPEC, padId: 9 }, inputs());
  expect(rows(feeds.input_ids)).toEqual([
    [5, 6, 7],
    [8, 9, 9],
  ]);
  expect(rows(feeds.attention_mask)).toEqual([
    [1, 1, 1],
    [1, 0, 0],
  ]);
});

test('pads on the left where the tokenizer does', async () => {
  const feeds = await collate([tokens(5, 6, 7), tokens(8)], { ...SPEC, paddingSide: 'left' }, inputs());
  expect(rows(feeds.input_ids)[1]).toEqual([0, 0, 8]);
  expect(rows(feeds.attention_mask)[1]).toEqual([0, 0, 1]);
});

test('pads to the graph’s fixed length', async () => {
  const feeds = await collate([tokens(5, 6)], { ...SPEC, fixedLength: 4 }, inputs());
  expect(rows(feeds.input_ids)).toEqual([[5, 6, 0, 0]]);
});

test('gives padding its own token type', async () => {
  const feeds = await collate([tokens(5, 6, 7), tokens(8)], { ...SPEC, padTypeId: 3 }, inputs());
  expect(rows(feeds.token_type_ids)).toEqual([
    [0, 0, 0],
    [0, 3, 3],
  ]);
});

test('fills only the inputs that the graph has', async () => {
  const inputNames = { ids: 'words', attentionMask: null, tokenTypeIds: null };
  const info: TensorInfo[] = [{ name: 'words', dataType: 'int64', shape: ['b', 's'] }];
  expect(Object.keys(await collate([tokens(1)], { ...SPEC, inputNames }, info))).toEqual(['words']);
});

test('writes 32-bit ids where the graph takes those', async () => {
  const feeds = await collate([tokens(5, 6)], SPEC, inputs('int32'));
  expect(feeds.input_ids).toMatchObject({ dataType: 'int32', shape: [1, 2], data: Int32Array.of(5, 6) });
});

test('writes whole 64-bit ids', async () => {
  const feeds = await collate([tokens(250_001)], SPEC, inputs());
  expect(feeds.input_ids?.data).toEqual(BigInt64Array.of(250_001n));
});

test('gives a pair’s tokens the types that they came with, beside texts that have none', async () => {
  const pair: EncodedItem = { kind: 'tokens', ids: Int32Array.of(5, 6, 7), typeIds: Int32Array.of(0, 1, 1) };
  const feeds = await collate([pair, tokens(8, 9)], { ...SPEC, padTypeId: 3 }, inputs());
  expect(rows(feeds.token_type_ids)).toEqual([
    [0, 1, 1],
    [0, 0, 3],
  ]);
});

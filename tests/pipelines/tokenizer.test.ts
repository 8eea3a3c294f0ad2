import { expect, test } from 'vitest';
import { Tokenizer } from '../../src/pipelines/tokenizer.ts';
import type { TextInput } from '../../src/repository/manifest.ts';
import { ID, tokenizerFile } from '../fixtures/text-model.ts';

function tokenizer(given: Partial<TextInput> = {}): Tokenizer {
  return new Tokenizer({
    tokenizer: tokenizerFile(),
    tokenizerConfig: {},
    maxTokens: 64,
    truncationSide: 'right',
    paddingSide: 'right',
    padId: 0,
    padTypeId: 0,
    fixedLength: null,
    inputNames: { ids: 'input_ids', attentionMask: null, tokenTypeIds: null },
    ...given,
  });
}

function ids(...words: string[]): number[] {
  return words.map((word) => ID[word] ?? Number.NaN);
}

test('a text becomes its words’ ids between the special tokens', () => {
  const { ids: found, uncutLength } = tokenizer().encode('Good film');
  expect([...found]).toEqual(ids('[CLS]', 'good', 'film', '[SEP]'));
  expect(uncutLength).toBe(4);
});

test('a word that is not in the vocabulary is the unknown one', () => {
  expect([...tokenizer().encode('good zebra').ids]).toEqual(ids('[CLS]', 'good', '[UNK]', '[SEP]'));
});

test('a text is never padded, whatever the file says', () => {
  const padding = { strategy: { Fixed: 32 }, pad_id: 0, pad_type_id: 0, pad_token: '[PAD]', direction: 'Right' };
  const padded = tokenizer({ tokenizer: { ...tokenizerFile(), padding } });
  expect(padded.encode('good').ids).toHaveLength(3);
});

test('cut on the right, a text loses its end and keeps both special tokens', () => {
  const { ids: found, uncutLength } = tokenizer({ maxTokens: 4 }).encode('good bad fine film');
  expect([...found]).toEqual(ids('[CLS]', 'good', 'bad', '[SEP]'));
  expect(uncutLength).toBe(6);
});

test('cut on the left, a text loses its beginning and keeps both special tokens', () => {
  const { ids: found } = tokenizer({ maxTokens: 4, truncationSide: 'left' }).encode('good bad fine film');
  expect([...found]).toEqual(ids('[CLS]', 'fine', 'film', '[SEP]'));
});

test('a text of exactly the limit is whole', () => {
  const { ids: found, uncutLength } = tokenizer({ maxTokens: 4 }).encode('good film');
  expect(found).toHaveLength(4);
  expect(uncutLength).toBe(4);
});

test('a tokenizer without special tokens is cut all the same', () => {
  const bare = { ...tokenizerFile(), post_processor: null };
  expect([...tokenizer({ tokenizer: bare, maxTokens: 2 }).encode('good bad film').ids]).toEqual(ids('good', 'bad'));
});

test('a limit that leaves no room for a text is refused', () => {
  expect(() => tokenizer({ maxTokens: 2 })).toThrow('the limit of 2 tokens leaves no room for a text');
});

test('a tokenizer that has no id for unknown words is refused', () => {
  const wordLevel = { ...tokenizerFile(), model: { type: 'WordLevel', vocab: ID, unk_token: '[UNK]' } };
  expect(() => tokenizer({ tokenizer: wordLevel })).toThrow(/gives no id for words that are not in its vocabulary/);
});

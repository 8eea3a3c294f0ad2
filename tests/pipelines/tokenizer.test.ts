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

test('a pair stands between the template’s special tokens, each text with its own type', () => {
  const { ids: found, typeIds, uncutLength } = tokenizer().encodePair(['good film', 'bad']);
  expect([...found]).toEqual(ids('[CLS]', 'good', 'film', '[SEP]', 'bad', '[SEP]'));
  expect(typeIds).toEqual(Int32Array.of(0, 0, 0, 0, 1, 1));
  expect(uncutLength).toBe(6);
});

test.for([
  // Native tokenizers' longest_first: the longer text loses its end first, then both are cut to halves.
  ['the first, as it is longer', 8, 'good bad fine film good', 'film bad', 'good bad fine', 'film bad'],
  ['the second, as it is longer', 8, 'film bad', 'good bad fine film good', 'film bad', 'good bad fine'],
  ['both, as neither fits', 8, 'good bad fine film good', 'bad good film fine bad', 'good bad', 'bad good film'],
  ['nothing', 10, 'good bad fine', 'film bad good', 'good bad fine', 'film bad good'],
] as const)('cut to its limit, a pair loses %s', ([, maxTokens, first, second, keptFirst, keptSecond]) => {
  const { ids: found, typeIds } = tokenizer({ maxTokens }).encodePair([first, second]);
  const kept = [keptFirst.split(' '), keptSecond.split(' ')] as const;
  expect([...found]).toEqual(ids('[CLS]', ...kept[0], '[SEP]', ...kept[1], '[SEP]'));
  expect(typeIds?.filter((type) => type === 1)).toHaveLength(kept[1].length + 1);
});

test('a pair that is cut on the left loses its texts’ beginnings', () => {
  const { ids: found } = tokenizer({ maxTokens: 6 }).encodePair(['good bad fine', 'film'], 'left');
  expect([...found]).toEqual(ids('[CLS]', 'bad', 'fine', '[SEP]', 'film', '[SEP]'));
});

test('a pair without special tokens has types all the same, as the native library counts them', () => {
  const bare = tokenizer({ tokenizer: { ...tokenizerFile(), post_processor: null } });
  expect(bare.takesPairs).toBe(true);
  const { ids: found, typeIds } = bare.encodePair(['good', 'film']);
  expect([...found]).toEqual(ids('good', 'film'));
  expect(typeIds).toEqual(Int32Array.of(0, 1));
});

test('a tokenizer whose template drops the second text takes no pairs', () => {
  const single = { Sequence: { id: 'A', type_id: 0 } };
  const post_processor = { type: 'TemplateProcessing', single: [single], pair: [single], special_tokens: {} };
  expect(tokenizer({ tokenizer: { ...tokenizerFile(), post_processor } }).takesPairs).toBe(false);
});

test('the side of a cut may be chosen for one text', () => {
  expect([...tokenizer({ maxTokens: 3 }).encode('good bad film', 'left').ids]).toEqual(ids('[CLS]', 'film', '[SEP]'));
});

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { expect, test } from 'vitest';
import { Random } from '../../load-tests/random.ts';
import { addedTokensOf, isWordTokenizer, WordTokens } from '../../src/pipelines/word-tokens.ts';
import { tokenizerFile } from '../fixtures/text-model.ts';

/** Gives each word a number of its own, and tells which were asked for. */
function numbered(addedTokens: readonly string[] = [], maxWords = 10_000) {
  const asked: string[] = [];
  const words = new WordTokens((word) => [asked.push(word)], { addedTokens, maxWords });
  const idsOf = (text: string) => {
    const ids: number[] = [];
    words.append(text, ids);
    return ids;
  };
  return { asked, idsOf };
}

test('a text is cut at white space and around signs', () => {
  const { asked, idsOf } = numbered();
  idsOf("Great value,\tisn't it?\n");
  expect(asked).toEqual(['Great', 'value', ',', 'isn', "'", 't', 'it', '?']);
});

test('a word is tokenised once', () => {
  const { asked, idsOf } = numbered();
  expect(idsOf('good good film')).toEqual([1, 1, 2]);
  expect(idsOf('film')).toEqual([2]);
  expect(asked).toEqual(['good', 'film']);
});

test('what is not ASCII is not cut between two spaces', () => {
  const { asked, idsOf } = numbered();
  idsOf('a naïve, film');
  expect(asked).toEqual(['a', 'naïve,', 'film']);
});

test('what may hold an added token is not cut', () => {
  const { asked, idsOf } = numbered(['[MASK]']);
  idsOf('so-so [MASK]. (x)');
  expect(asked).toEqual(['so', '-', '[MASK].', '(', 'x', ')']);
});

test('an added token is looked for in either case', () => {
  const { asked, idsOf } = numbered(['new!']);
  idsOf('NEW! old!');
  expect(asked).toEqual(['NEW!', 'old', '!']);
});

test('words in use are kept, others go', () => {
  const { asked, idsOf } = numbered([], 2);
  for (const text of ['a', 'b', 'a', 'c', 'a', 'd', 'a', 'e', 'a']) idsOf(text);
  expect(asked).toEqual(['a', 'b', 'c', 'd', 'e']);
  idsOf('b');
  expect(asked.at(-1)).toBe('b');
});

test('very long words are not kept', () => {
  const { asked, idsOf } = numbered();
  const long = 'x'.repeat(65);
  idsOf(long);
  idsOf(long);
  expect(asked).toEqual([long, long]);
});

test('ids equal the tokenizer’s for texts of odd characters', () => {
  const file = tokenizerFile();
  const tokenizer = new HuggingFaceTokenizer(file, {});
  const addedTokens = addedTokensOf(file) ?? [];
  const whole = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const words = new WordTokens(whole, { addedTokens });
  const pieces = [
    ...['good', 'BAD', 'film', '[MASK]', '[CLS]', 'É', '中文', '🙂', 'a\u0301', '\ud800', 'ß', 'İ'],
    ...[' ', '  ', '\t', '\n', '\u00a0', '\u2003', '\u200b', '\u0000', '\u000b', '\u007f'],
    ...['.', ',', "'", '’', '_', '$', '|', '<', '[', ']', '-'],
  ];
  const random = new Random(7);
  for (let k = 0; k < 5_000; k++) {
    const text = Array.from({ length: 1 + (k % 12) }, () => random.pick(pieces)).join('');
    const ids: number[] = [];
    words.append(text, ids);
    expect(ids, JSON.stringify(text)).toEqual(whole(text));
  }
});

test('only tokenizers that split like BERT’s are taken apart', () => {
  expect(isWordTokenizer(tokenizerFile())).toBe(true);
  expect(isWordTokenizer({ ...tokenizerFile(), pre_tokenizer: { type: 'ByteLevel' } })).toBe(false);
  expect(isWordTokenizer({ ...tokenizerFile(), normalizer: { type: 'Precompiled' } })).toBe(false);
  expect(isWordTokenizer({ ...tokenizerFile(), model: { type: 'BPE' } })).toBe(false);
  expect(addedTokensOf({ added_tokens: [{ content: 'two words' }] })).toBeNull();
});

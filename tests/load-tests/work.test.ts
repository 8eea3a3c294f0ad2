import { expect, test } from 'vitest';
import { spread } from '../../load-tests/http-target.ts';
import { textsOfLengths } from '../../load-tests/mixes.ts';
import { withSalt } from '../../load-tests/photographs.ts';
import { partOf } from '../../load-tests/work.ts';

test('connections never have the same text in their parts', () => {
  const parts = Array.from({ length: 16 }, (_, at) => partOf({ size: 3_722 }, { at, of: 16, shift: 37 }));
  const places = parts.flat();
  expect(new Set(places).size).toBe(places.length);
  expect(Math.max(...places)).toBeLessThan(3_722);
});

test('a small work goes to every connection whole, each from another offset', () => {
  const [first, second] = [0, 1].map((at) => partOf({ size: 30 }, { at, of: 2, shift: 0 }));
  expect(first?.toSorted((a, b) => a - b)).toEqual(second?.toSorted((a, b) => a - b));
  expect(first?.[0]).not.toBe(second?.[0]);
});

test('the order of an open loop has each place once', () => {
  for (const size of [1, 30, 3_722]) {
    const places = spread(size);
    expect(new Set(places).size).toBe(size);
    expect(places).toHaveLength(size);
  }
});

test('made texts are distinct and have the tokens asked for', () => {
  const countTokens = (text: string) => 2 + text.split(' ').filter(Boolean).length;
  const words = Array.from({ length: 500 }, (_, at) => `word${at}`);
  const texts = textsOfLengths({ words, count: 200, length: (random) => random.whole(4, 12), countTokens });
  expect(new Set(texts).size).toBe(200);
  for (const text of texts) {
    expect(countTokens(text)).toBeGreaterThanOrEqual(4);
    expect(countTokens(text)).toBeLessThanOrEqual(12);
  }
});

test('salt changes the bytes behind a picture alone', () => {
  const file = Buffer.from('picture');
  expect(withSalt(file, 1)).not.toEqual(withSalt(file, 2));
  expect(withSalt(file, 1).subarray(0, file.length)).toEqual(file);
});

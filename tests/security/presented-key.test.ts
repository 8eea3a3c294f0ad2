import { expect, test } from 'vitest';
import { presentedKey } from '../../src/security/presented-key.ts';

test.each([
  ['a bearer token', 'Bearer abc', undefined, 'abc'],
  ['a bearer token in small letters', 'bearer abc', undefined, 'abc'],
  ['a header of its own', undefined, 'abc', 'abc'],
  ['both, of which its own counts', 'Bearer abc', 'def', 'def'],
  ['nothing', undefined, undefined, null],
  ['an empty header', undefined, '', null],
  ['another scheme', 'Basic abc', undefined, null],
  ['a scheme alone', 'Bearer ', undefined, null],
  ['a key with a space', 'Bearer a b', undefined, null],
])('%s', (_, authorization, apiKey, presented) => {
  expect(presentedKey({ authorization, apiKey })).toBe(presented);
});

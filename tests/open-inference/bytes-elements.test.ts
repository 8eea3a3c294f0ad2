import { expect, test } from 'vitest';
import { readElements, textOf, writeElements } from '../../src/open-inference/bytes-elements.ts';

test('texts come back as their bytes, the empty one as well', () => {
  const elements = readElements('x', writeElements(['', 'abc', 'ü']), 3);
  expect(elements.map((element, index) => textOf('x', element, index))).toEqual(['', 'abc', 'ü']);
});

test('elements are views of the body', () => {
  const bytes = writeElements(['abc']);
  expect(readElements('x', bytes, 1)[0]?.buffer).toBe(bytes.buffer);
});

test.each([
  ['cut short', Buffer.from([3, 0, 0, 0, 1, 2]), 1],
  ['cut inside a length', Buffer.from([0, 0]), 1],
  ['one too few', writeElements(['a']), 2],
  ['one too many', writeElements(['a', 'b']), 1],
  ['a length that lies', Buffer.from([255, 255, 255, 255, 1]), 1],
])('%s is refused by name', (_, bytes, count) => {
  expect(() => readElements('x', bytes, count)).toThrow('Input "x"');
});

test('bytes that are no text are refused by name and place', () => {
  expect(() => textOf('x', Uint8Array.of(0xc3), 4)).toThrow('Input "x", element 4: the bytes are not UTF-8');
});

import { expect, test } from 'vitest';
import { GrowingBody } from '../../src/http/growing-body.ts';

/** Memory of its own, as the HTTP parser's pieces have it. */
function piece(byteLength: number, value: number): Buffer<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(byteLength).fill(value);
}

function put(pieces: readonly Buffer<ArrayBuffer>[], declared: number): Buffer {
  const body = new GrowingBody(declared);
  for (const each of pieces) body.push(each);
  return body.whole();
}

test('one piece stays as it came', () => {
  const only = piece(20_000, 7);
  expect(put([only], 20_000)).toBe(only);
});

test('nothing is an empty body', () => {
  expect(put([], 0).byteLength).toBe(0);
});

test.each([
  ['as declared', 60_000],
  ['more than declared', 10],
  ['fewer than declared', 1_000_000],
])('pieces stand one after another, and nothing behind them: %s', (_name, declared) => {
  const body = put([piece(20_000, 1), piece(20_000, 2), piece(20_000, 3)], declared);
  const expected = Buffer.concat([piece(20_000, 1), piece(20_000, 2), piece(20_000, 3)]);
  expect(body.equals(expected)).toBe(true);
  expect(body.buffer.byteLength).toBe(60_000);
});

test('the memory of several pieces is given back as they come', () => {
  const pieces = [piece(20_000, 1), piece(20_000, 2), piece(20_000, 3)];
  put(pieces, 60_000);
  expect(pieces.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
});

test('a piece that lies in memory of others is left alone', () => {
  const shared = Buffer.alloc(40_000, 1);
  const halves = [shared.subarray(0, 20_000), shared.subarray(20_000)];
  expect(put(halves, 40_000).equals(Buffer.alloc(40_000, 1))).toBe(true);
  expect(shared.byteLength).toBe(40_000);
});

test('what lies in a larger piece of memory is copied, into as much as was declared', () => {
  const [first, second] = [piece(20_000, 1), piece(20_000, 2)];
  const body = new GrowingBody(35_000);
  body.copy(first.subarray(5_000));
  expect(body.byteLength).toBe(15_000);
  body.push(second);
  const whole = body.whole();
  expect(whole.equals(Buffer.concat([piece(15_000, 1), piece(20_000, 2)]))).toBe(true);
  expect(whole.buffer.byteLength).toBe(35_000);
  expect([first.byteLength, second.byteLength]).toEqual([20_000, 0]);
});

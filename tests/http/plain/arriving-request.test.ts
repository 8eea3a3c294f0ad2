import { expect, test } from 'vitest';
import { ArrivingRequest } from '../../../src/http/plain/arriving-request.ts';
import { readPlainHead } from '../../fixtures/plain-request.ts';

/** Memory of its own, as what a socket gives has it. */
function chunk(bytes: Buffer): Buffer<ArrayBuffer> {
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
}

function arriving(body: Buffer, cameFirst: number) {
  const head = Buffer.from(`POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.byteLength}\r\n\r\n`);
  const first = chunk(Buffer.concat([head, body.subarray(0, cameFirst)]));
  const read = readPlainHead(first);
  if (read === null) throw new Error('the head is not plain');
  return { all: Buffer.concat([head, body]), first, request: new ArrivingRequest(read, first) };
}

test.each([
  ['small, whole', 100, [100]],
  ['large, whole', 50_000, [50_000]],
  ['after its head', 150_000, [0, 65_536, 65_536, 18_928]],
  ['partly with its head', 150_000, [65_000, 65_536, 19_464]],
  ['a little with its head', 150_000, [10, 65_536, 65_536, 18_918]],
])('is put together: %s', (_name, byteLength, pieces) => {
  const body = Buffer.from(Array.from({ length: byteLength }, (_, at) => at % 251));
  const { all, request } = arriving(body, pieces[0] ?? 0);
  let at = pieces[0] ?? 0;
  for (const length of pieces.slice(1)) {
    expect(request.missingBytes).toBe(byteLength - at);
    request.push(chunk(body.subarray(at, at + length)));
    at += length;
  }
  expect(request.missingBytes).toBe(0);
  expect(request.whole().body.equals(body)).toBe(true);
  expect(request.bytes().equals(all)).toBe(true);
});

test('a large body has its memory for itself, and what it came in is given back', () => {
  const { first, request } = arriving(Buffer.alloc(50_000, 1), 50_000);
  const { body } = request.whole();
  expect(body.buffer.byteLength).toBe(50_000);
  expect(first.byteLength).toBe(0);
});

import { expect, test } from 'vitest';
import { HeadReader } from '../../../src/http/plain/head-reader.ts';
import { readPlainHead } from '../../fixtures/plain-request.ts';

function head(...more: readonly string[]): Buffer {
  const lines = ['POST /predict HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', ...more];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n{}`, 'latin1');
}

test('reads what it knows as it was read first, and what it does not know as it is', () => {
  const heads = new HeadReader();
  for (const length of [2, 3, 2, 20, 3]) {
    const bytes = head(`Content-Length: ${length}`);
    expect(heads.read(bytes)).toEqual(readPlainHead(bytes));
  }
  expect(heads.read(head('Content-Length: 2'))).toBe(heads.read(head('Content-Length: 2')));
});

test('the same head before another body is the same head', () => {
  const heads = new HeadReader();
  const first = heads.read(head('Content-Length: 2'));
  const bytes = Buffer.concat([head('Content-Length: 2').subarray(0, -2), Buffer.from('[]')]);
  expect(heads.read(bytes)).toBe(first);
});

test('leaves alone what is not over, or not plain', () => {
  const heads = new HeadReader();
  expect(heads.read(Buffer.from('POST /predict HTTP/1.1\r\nHost: localhost\r\n'))).toBeNull();
  for (let again = 0; again < 2; again++) {
    expect(heads.read(head('Content-Length: 2', 'Content-Length: 2'))).toBeNull();
    expect(heads.read(head('Transfer-Encoding: chunked'))).toBeNull();
  }
});

test.each([
  'Authorization: Bearer secret',
  'X-API-Key: secret',
  'cookie: a=b',
  'X-Request-Id: abc',
  'traceparent: 00-a-b-01',
  `X-Long: ${'a'.repeat(2_000)}`,
])('keeps no head with %s', (line) => {
  const heads = new HeadReader();
  const bytes = head('Content-Length: 2', line);
  const read = heads.read(bytes);
  expect(read).toEqual(readPlainHead(bytes));
  expect(heads.read(bytes)).not.toBe(read);
});

test('keeps a bounded number, and goes on after them', () => {
  const heads = new HeadReader();
  const first = heads.read(head('Content-Length: 1'));
  for (let length = 2; length < 1_000; length++) heads.read(head(`Content-Length: ${length}`));
  expect(heads.read(head('Content-Length: 1'))).toEqual(first);
  expect(heads.read(head('Content-Length: 1'))).not.toBe(first);
});

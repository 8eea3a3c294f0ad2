import { expect, test } from 'vitest';
import { parseAnswer } from '../../load-tests/http-connection.ts';

test('an answer is complete when all of its body came', () => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
  expect(parseAnswer(Buffer.from(answer))).toEqual({ status: 200, closes: false, body: 'hello' });
  expect(parseAnswer(Buffer.from(answer.slice(0, -1)))).toBeNull();
  expect(parseAnswer(Buffer.from('HTTP/1.1 200 OK\r\nConte'))).toBeNull();
});

test('a length counts bytes, not characters', () => {
  expect(parseAnswer(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\né'))?.body).toBe('é');
});

test('a chunked answer ends with its last chunk', () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  expect(parseAnswer(Buffer.from(`${head}5\r\nhello\r\n`))).toBeNull();
  expect(parseAnswer(Buffer.from(`${head}5\r\nhello\r\n0\r\n\r\n`))?.status).toBe(200);
});

test('a server that closes the connection is believed', () => {
  expect(parseAnswer(Buffer.from('HTTP/1.1 429 X\r\nConnection: close\r\ncontent-length: 0\r\n\r\n'))?.closes).toBe(
    true,
  );
});

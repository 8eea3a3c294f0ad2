import { expect, test } from 'vitest';
import { statusBlock } from '../../src/grpc/answer-blocks.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';

function read(block: Buffer): Record<string, string> {
  const fields = new HpackDecoder(16_384).decode(block) ?? [];
  expect(fields.every(({ isValid }) => isValid)).toBe(true);
  return Object.fromEntries(fields.map(({ name, value }) => [name, value]));
}

test('a status without an answer has the answer’s headers as well', () => {
  const status = { code: 5, message: 'gone', fields: [['serval-code', 'X']] } as const;
  expect(read(statusBlock(status, true))).toEqual({
    ':status': '200',
    'content-type': 'application/grpc+proto',
    'grpc-accept-encoding': 'identity,deflate,gzip',
    'grpc-status': '5',
    'grpc-message': 'gone',
    'serval-code': 'X',
  });
  expect(Object.keys(read(statusBlock(status, false)))).toEqual(['grpc-status', 'grpc-message', 'serval-code']);
});

test.each([
  ['100 % of “it”\r\n\0', '100 %25 of %E2%80%9Cit%E2%80%9D%0D%0A%00'],
  ['~ !"#$&', '~ !"#$&'],
  ['😀', '%F0%9F%98%80'],
  ['', ''],
])('the message %j goes as %j', (message, sent) => {
  const fields = read(statusBlock({ code: 3, message, fields: [] }, false));
  expect(fields['grpc-message']).toBe(sent);
});

test('a message ends, between two characters, before any client’s limit', () => {
  const sent = read(statusBlock({ code: 3, message: '€'.repeat(3_000), fields: [] }, false))['grpc-message'] ?? '';
  expect(sent.length).toBeLessThanOrEqual(4_096);
  expect(decodeURIComponent(sent)).toBe('€'.repeat(Math.floor(4_096 / 9)));
});

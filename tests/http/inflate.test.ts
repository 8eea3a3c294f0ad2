import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { inflate, inflateError } from '../../src/http/inflate.ts';

async function inflated(body: Buffer, encoding: string): Promise<string> {
  const payload = new IncomingMessage(new Socket());
  payload.push(body);
  payload.push(null);
  const chunks: Buffer[] = [];
  for await (const chunk of inflate(payload, encoding)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test('gzip and deflate bodies come out as they were', async () => {
  expect(await inflated(gzipSync('good film'), 'gzip')).toBe('good film');
  expect(await inflated(deflateSync('good film'), 'deflate')).toBe('good film');
});

test.for([
  ['no gzip', Buffer.from('good film')],
  ['cut short', gzipSync('good film').subarray(0, 12)],
] as const)('a body that is %s is malformed', async ([, body]) => {
  const thrown = await inflated(body, 'gzip').catch((error: unknown) => error);
  expect(inflateError(thrown)).toMatchObject({ code: 'SERVAL_MALFORMED_COMPRESSION', statusCode: 400 });
});

import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { installBodyParsers } from '../../src/http/body-parsers.ts';
import { ReceivingBudget } from '../../src/http/body-reader.ts';
import { installErrorHandlers } from '../../src/http/error-handler.ts';
import { EventLoopTurns } from '../../src/http/event-loop-turns.ts';
import { ImageUpload } from '../../src/http/image-upload.ts';
import { MethodTable } from '../../src/http/method-table.ts';
import { fieldPart, filePart, formOf, MULTIPART_TYPE } from '../fixtures/multipart-body.ts';

const CONFIG = parseConfig({
  SERVAL_MAX_TEXT_BODY_BYTES: '1000',
  SERVAL_MAX_IMAGE_BODY_BYTES: '6000',
  SERVAL_MAX_RECEIVING_BYTES: '9000',
});

let app: FastifyInstance;
/** Requests whose body was taken. */
let taken: number;

/** Answers what it was given, once `until` resolves. */
async function start(until: Promise<void> = Promise.resolve()): Promise<string> {
  taken = 0;
  app = Fastify();
  installErrorHandlers(app, new MethodTable());
  installBodyParsers(app, {
    config: CONFIG,
    turns: new EventLoopTurns(),
    budget: new ReceivingBudget(CONFIG.maxReceivingBytes),
  });
  app.post('/', async ({ body }) => {
    taken += 1;
    await until;
    return body instanceof ImageUpload
      ? { files: body.files.map((file) => file.byteLength), fields: { ...body.fields } }
      : { json: body };
  });
  return app.listen({ port: 0 });
}

afterEach(() => app.close());

async function send(url: string, type: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  const answer = (await response.json()) as { code?: string };
  return { status: response.status, answer };
}

describe('bodies', () => {
  test('of JSON are parsed', async () => {
    expect((await send(await start(), 'application/json', '{"a": 1}')).answer).toEqual({ json: { a: 1 } });
  });

  test.for(['image/jpeg', 'image/png', 'image/webp'])('of %s are one file', async (type) => {
    expect((await send(await start(), type, Buffer.alloc(5))).answer).toEqual({ files: [5], fields: {} });
  });

  test('of a form are its files and fields', async () => {
    const body = formOf(filePart('abc'), fieldPart('top_k', '3'));
    expect((await send(await start(), MULTIPART_TYPE, body)).answer).toEqual({ files: [3], fields: { top_k: '3' } });
  });

  test.for([
    ['JSON that is cut short', 'application/json', '{"a": ', 400, 'SERVAL_MALFORMED_JSON'],
    ['JSON that is empty', 'application/json', '', 400, 'SERVAL_MALFORMED_JSON'],
    ['an image of another type', 'image/gif', 'GIF89a', 415, 'SERVAL_MEDIA_TYPE'],
    ['a form without a boundary', 'multipart/form-data', 'x', 400, 'SERVAL_MALFORMED_MULTIPART'],
    ['text over its limit', 'application/json', `{"inputs": "${'x'.repeat(1_500)}"}`, 413, 'SERVAL_BODY_TOO_LARGE'],
    ['an image over its limit', 'image/jpeg', Buffer.alloc(6_001), 413, 'SERVAL_BODY_TOO_LARGE'],
    ['a form over its limit', MULTIPART_TYPE, formOf(filePart(Buffer.alloc(6_000))), 413, 'SERVAL_BODY_TOO_LARGE'],
  ] as const)('refuses %s', async ([, type, body, status, code]) => {
    const refused = await send(await start(), type, body);
    expect([refused.status, refused.answer.code]).toEqual([status, code]);
  });

  test('JSON with an image in it may be larger than a text', async () => {
    const json = { inputs: { image: 'x'.repeat(3_000) } };
    expect((await send(await start(), 'application/json', JSON.stringify(json))).answer).toEqual({ json });
  });

  test('that are compressed are refused', async () => {
    const refused = await send(await start(), 'image/jpeg', 'x', { 'content-encoding': 'gzip' });
    expect(refused.answer.code).toBe('SERVAL_CONTENT_ENCODING');
  });
});

describe('the budget of all bodies', () => {
  test('holds a body until it is answered, not only until it is read', async () => {
    const answering = Promise.withResolvers<void>();
    const url = await start(answering.promise);
    const first = send(url, 'image/jpeg', Buffer.alloc(5_000));
    await expect.poll(() => taken).toBe(1);
    expect((await send(url, 'image/jpeg', Buffer.alloc(5_000))).status).toBe(429);
    answering.resolve();
    expect((await first).status).toBe(200);
    await expect.poll(async () => (await send(url, 'image/jpeg', Buffer.alloc(5_000))).status).toBe(200);
  });

  test('is given back when a client goes away', async () => {
    const answering = Promise.withResolvers<void>();
    const url = await start(answering.promise);
    const aborting = new AbortController();
    const gone = fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: new Uint8Array(5_000),
      signal: aborting.signal,
    });
    gone.catch(() => {});
    await expect.poll(() => taken).toBe(1);
    aborting.abort();
    await expect(gone).rejects.toThrow();
    // Nothing is answered meanwhile: only the end of the connection can have given it back.
    await expect
      .poll(async () => {
        void send(url, 'image/jpeg', Buffer.alloc(5_000)).catch(() => {});
        return taken;
      })
      .toBe(2);
    answering.resolve();
  });

  test('is given back after a body that is refused', async () => {
    const url = await start();
    for (let k = 0; k < 5; k++) await send(url, 'multipart/form-data', Buffer.alloc(5_000));
    expect((await send(url, 'image/jpeg', Buffer.alloc(5_000))).status).toBe(200);
  });
});

import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawConnection, type RawResponse } from '../fixtures/raw-connection.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const MAX_TEXT_BODY = 10_000;
/** JSON may carry an image as base64, with some room around it: what is longer than this is never received. */
const MAX_JSON_BODY = 10_000 + 65_536;
const BODY_TIMEOUT_MS = 300;

let models: string;
let serval: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'));
  serval = await startServal({
    models,
    settings: {
      MAX_TEXT_BODY_BYTES: MAX_TEXT_BODY,
      MAX_IMAGE_BODY_BYTES: 7_500,
      BODY_TIMEOUT_MS,
      MAX_HEADER_BYTES: 4_096,
      MAX_RECEIVING_BYTES: 100_000,
      WORKERS: 1,
    },
  });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

function codeOf({ body }: RawResponse): unknown {
  return (JSON.parse(body) as { code?: unknown }).code;
}

async function expectStillServing(): Promise<void> {
  expect(await serval.predict({ inputs: 'good film' })).toMatchObject({ predictions: [{ label: 'positive' }] });
}

describe('an over-large body', () => {
  test('that says its length is refused before it comes, and the connection is closed', async () => {
    const connection = await RawConnection.open(serval.port);
    connection.request('POST', '/predict', '', { 'content-length': String(MAX_JSON_BODY + 1) });
    const response = await connection.response();
    expect([response.status, codeOf(response)]).toEqual([413, 'SERVAL_BODY_TOO_LARGE']);
    expect(response.body).toContain(`more than ${MAX_JSON_BODY} bytes`);
    expect(response.headers.connection).toBe('close');
    await connection.closed();
    await expectStillServing();
  });

  test('in chunks is refused at the limit, and the connection is closed', async () => {
    const connection = await RawConnection.open(serval.port);
    const head = ['POST /predict HTTP/1.1', 'host: x', 'content-type: application/json', 'transfer-encoding: chunked'];
    connection.write(...head, '', '');
    const chunk = 'a'.repeat(30_000);
    for (let k = 0; k < 3; k++) connection.write(chunk.length.toString(16), chunk, '');
    const response = await connection.response();
    expect([response.status, codeOf(response)]).toEqual([413, 'SERVAL_BODY_TOO_LARGE']);
    await connection.closed();
    await expectStillServing();
  });
});

test('a text body over its own limit is refused, though one with an image might be that large', async () => {
  const answer = await serval.post('/predict', { inputs: 'a'.repeat(MAX_TEXT_BODY) });
  expect(answer).toMatchObject({
    status: 413,
    body: { code: 'SERVAL_BODY_TOO_LARGE', details: { maxBytes: MAX_TEXT_BODY } },
  });
});

describe('a slow client', () => {
  test('that never completes its body is answered with 408 in time, and the connection is closed', async () => {
    const connection = await RawConnection.open(serval.port);
    connection.request('POST', '/predict', '{"inputs"', { 'content-length': '100' });
    const begun = performance.now();
    const response = await connection.response();
    expect([response.status, codeOf(response)]).toEqual([408, 'SERVAL_BODY_TIMEOUT']);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(BODY_TIMEOUT_MS - 20);
    await connection.closed();
  });

  test('that sends byte by byte has no more time than any other', async () => {
    const connection = await RawConnection.open(serval.port);
    connection.request('POST', '/predict', '', { 'content-length': '1000' });
    const dripping = setInterval(() => connection.write('a'), 20);
    const response = await connection.response();
    clearInterval(dripping);
    connection.end();
    expect(codeOf(response)).toBe('SERVAL_BODY_TIMEOUT');
  });

  test('and others like it cannot make the server hold more than its budget', async () => {
    const holding = await RawConnection.open(serval.port);
    holding.request('POST', '/predict', '{', { 'content-length': '60000' });
    const second = await RawConnection.open(serval.port);
    second.request('POST', '/predict', '{', { 'content-length': '60000' });
    const response = await second.response();
    expect([response.status, codeOf(response)]).toEqual([429, 'SERVAL_OVERLOADED']);
    expect(response.headers['retry-after']).toBe('1');
    expect(codeOf(await holding.response())).toBe('SERVAL_BODY_TIMEOUT');
    holding.end();
    second.end();
    await expectStillServing();
  });
});

describe('bytes that are no request', () => {
  test.each([
    ['garbage', '\u0000\u0001\u0002garbage\r\n\r\n'],
    ['a TLS greeting', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['an unknown method', 'BREW /coffee HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['two lengths', 'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    [
      'a length and chunks',
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
    ],
  ])('%s: 400 and the connection is closed', async (_, bytes) => {
    const connection = await RawConnection.open(serval.port);
    connection.write(bytes);
    const response = await connection.response();
    expect([response.status, codeOf(response)]).toEqual([400, 'SERVAL_BAD_HTTP']);
    await connection.closed();
    await expectStillServing();
  });

  test('behind a request do not cost that request its answer', async () => {
    const connection = await RawConnection.open(serval.port);
    connection.write('GET /health/live HTTP/1.1', 'host: x', '', '\u0000\u0001garbage\r\n\r\n');
    expect((await connection.response()).status).toBe(200);
    expect(codeOf(await connection.response())).toBe('SERVAL_BAD_HTTP');
    await connection.closed();
  });
});

test('headers over the limit are answered with 431', async () => {
  const connection = await RawConnection.open(serval.port);
  connection.write('GET /health/live HTTP/1.1', 'host: x', `x-filler: ${'a'.repeat(5_000)}`, '', '');
  const response = await connection.response();
  expect([response.status, codeOf(response)]).toEqual([431, 'SERVAL_HEADERS_TOO_LARGE']);
  await connection.closed();
});

test('a path that is not well-formed is a client’s error', async () => {
  const connection = await RawConnection.open(serval.port);
  connection.request('GET', '/models/%zz');
  const response = await connection.response();
  expect([response.status, codeOf(response)]).toEqual([400, 'SERVAL_INVALID_REQUEST']);
  connection.end();
});

test('requests sent without waiting are answered in their order', async () => {
  const connection = await RawConnection.open(serval.port);
  connection.request('POST', '/predict', '{"inputs":"good"}');
  connection.request('GET', '/health/live');
  connection.request('POST', '/predict', '{"inputs":"bad"}');
  const bodies = [await connection.response(), await connection.response(), await connection.response()];
  expect(bodies[0]?.body).toContain('"label":"positive"');
  expect(bodies[1]?.body).toBe('{"status":"live"}');
  expect(bodies[2]?.body).toContain('"label":"negative"');
  connection.end();
});

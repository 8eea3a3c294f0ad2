import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test, vi } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { ServalError } from '../../../src/errors.ts';
import { ReceivingBudget } from '../../../src/http/body-reader.ts';
import { EventLoopTurns } from '../../../src/http/event-loop-turns.ts';
import { answerPlainly, type PlainParts } from '../../../src/http/plain/answer-plainly.ts';

const MANIFEST = { model: 'sentiment', version: 2, digest: 'abcdef012345' };
const JSON_TYPE = { 'content-type': 'application/json' };

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** What a certificate is does not matter here: only that connections are read by node:http then. */
const READ_BY_NODE = { certificate: {} } as unknown as PlainParts;

/** A server whose usual way echoes the body, and whose queue is as long as `waitMs`. */
async function serverWith(waitMs: number, changes: Partial<PlainParts> = READ_BY_NODE) {
  const requestAnswered = vi.fn();
  const info = vi.fn();
  const check = vi.fn(({ timeoutMs, versionKey }: { timeoutMs: number | null; versionKey: string | null }) => {
    if (versionKey === null || timeoutMs === null || waitMs <= timeoutMs) return;
    throw new ServalError('SERVAL_OVERLOADED', 'too long', { retryAfterSeconds: 2, details: { retryAfterMs: 1500 } });
  });
  const resolve = vi.fn(({ model }: { model: string | null }) => {
    if (model === 'unknown') throw new ServalError('SERVAL_MODEL_NOT_FOUND', 'no such model');
    return { manifest: MANIFEST };
  });
  const parts = {
    config: parseConfig({ SERVAL_DEFAULT_TIMEOUT_MS: '1000' }),
    logger: { info },
    predictor: { resolve },
    observer: { requestAnswered },
    tracer: null,
    gatekeeper: null,
    certificate: null,
    door: { check, mayRefuse: (timeoutMs: number) => waitMs > timeoutMs },
    phase: () => 'ready',
    turns: new EventLoopTurns(),
    budget: new ReceivingBudget(1_000_000),
    ...changes,
  } as unknown as PlainParts;
  const usual: RequestListener = (request, response) => {
    void text(request).then((body) => response.end(`usual ${body}`));
  };
  server = createServer({ keepAliveTimeout: parts.config.keepAliveTimeoutMs }, usual);
  const plain = answerPlainly(server, parts);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const sent = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(url + path, { method: 'POST', body: sent, headers: { ...JSON_TYPE, ...headers } });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  return { post, requestAnswered, info, resolve, check, plain };
}

test('refuses what the queue has no time for, with the API’s own answer, a count and a line in the log', async () => {
  const { post, requestAnswered, info } = await serverWith(2_000);
  const { status, headers, text } = await post('/predict', { inputs: 'good' }, { 'x-request-id': 'abc' });
  expect(status).toBe(429);
  expect(JSON.parse(text)).toEqual({
    statusCode: 429,
    code: 'SERVAL_OVERLOADED',
    error: 'Too Many Requests',
    message: 'too long',
    details: { retryAfterMs: 1500 },
  });
  expect(headers.get('retry-after')).toBe('2');
  expect(headers.get('x-request-id')).toBe('abc');
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ protocol: 'serval', route: '/predict', statusCode: 429, errorCode: 'SERVAL_OVERLOADED' }),
  );
  expect(info).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({
      reqId: 'abc',
      method: 'POST',
      route: '/predict',
      status: 429,
      code: 'SERVAL_OVERLOADED',
    }),
    'request',
  );
});

test('says the same where node:http has not read the request', async () => {
  const answers = [];
  for (const changes of [READ_BY_NODE, {}]) {
    const { post, requestAnswered, info, plain } = await serverWith(2_000, changes);
    const { status, headers, text } = await post('/predict', { inputs: 'good' }, { 'x-request-id': 'abc' });
    expect(plain?.keptCount ?? 1).toBe(1);
    const told = [...requestAnswered.mock.calls, ...info.mock.calls].map(([fields]) => Object.keys(fields));
    answers.push({ status, headers: { ...Object.fromEntries(headers), date: 'now' }, text, told });
    server?.closeAllConnections();
  }
  const [usual, plain] = answers;
  expect(plain).toEqual(usual);
});

test.each([
  ['by the default', {}, undefined, 429],
  ['by a header', { 'x-request-timeout-ms': '5000' }, undefined, 200],
  ['by the body', {}, { timeout_ms: 30 }, 429],
  ['by a longer one of the body', {}, { timeout_ms: 5_000 }, 200],
  ['by header and body, the shorter of them', { 'x-request-timeout-ms': '1200' }, { timeout_ms: 5_000 }, 429],
  ['by the query', {}, undefined, 200, '?timeout_ms=5000'],
  ['by the body before that of the query', {}, { timeout_ms: 30 }, 429, '?timeout_ms=1400'],
])('allows the time given %s', async (_name, headers, parameters, status, query = '') => {
  const { post } = await serverWith(1_500);
  expect((await post(`/predict${query}`, { inputs: ['good'], parameters }, headers)).status).toBe(status);
});

test('knows the model of the path, of the body, and the kind of the inputs', async () => {
  const { post, resolve, requestAnswered } = await serverWith(2_000);
  await post('/models/sentiment/predict', { inputs: 'good' });
  await post('/predict', { model: 'imagenet', inputs: [{ image: '' }] });
  await post('/predict?model=mnist', { inputs: [{ image: '' }] });
  expect(resolve.mock.calls.map(([asked]) => asked)).toEqual([
    { model: 'sentiment', version: null, inputs: [{ kind: 'text' }] },
    { model: 'imagenet', version: null, inputs: [{ kind: 'image' }] },
    { model: 'mnist', version: null, inputs: [{ kind: 'image' }] },
  ]);
  const routes = ['/models/:model/predict', '/predict', '/predict'];
  expect(requestAnswered.mock.calls.map(([{ route }]) => route)).toEqual(routes);
});

test.each([
  ['node:http', READ_BY_NODE],
  ['nobody', {}],
])('refuses an image by its head, and drops its bytes, where %s has read it', async (_name, changes) => {
  const { post, requestAnswered, resolve } = await serverWith(2_000, changes);
  const path = '/models/imagenet/versions/1/predict?timeout_ms=500';
  const { status, text } = await post(path, 'x'.repeat(1_000_000), { 'content-type': 'image/jpeg' });
  expect(status).toBe(429);
  expect(JSON.parse(text)).toMatchObject({ code: 'SERVAL_OVERLOADED' });
  expect(resolve).toHaveBeenCalledExactlyOnceWith({ model: 'imagenet', version: 1, inputs: [{ kind: 'image' }] });
  const route = '/models/:model/versions/:version/predict';
  expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ route, statusCode: 429 }));
});

test('a request that has time goes the usual way with its body, though the queue is long for others', async () => {
  const check = vi.fn();
  const { post, requestAnswered } = await serverWith(2_000, {
    ...READ_BY_NODE,
    door: { check, mayRefuse: () => true },
  } as unknown as PlainParts);
  const body = { inputs: 'good' };
  for (let k = 0; k < 3; k++) expect((await post('/predict', body)).text).toBe(`usual ${JSON.stringify(body)}`);
  expect(check).toHaveBeenCalledTimes(3);
  expect(requestAnswered).not.toHaveBeenCalled();
});

test.each([
  ['no JSON', '/predict', '{"inputs": ', {}],
  ['an unknown model', '/predict', { model: 'unknown', inputs: 'good' }, {}],
  ['inputs of no kind', '/predict', { inputs: 7 }, {}],
  ['null', '/predict', 'null', {}],
  ['two models', '/models/sentiment/predict', { model: 'other', inputs: 'good' }, {}],
  ['another route', '/v2/models/sentiment/infer', { inputs: 'good' }, {}],
  ['a model in the query that is another', '/models/sentiment/predict?model=other', { inputs: 'good' }, {}],
  ['two models in the query', '/predict?model=sentiment&model=sentiment', { inputs: 'good' }, {}],
  ['a query that has to be decoded', '/predict?model=%73entiment', { inputs: 'good' }, {}],
  ['another type', '/predict', 'pixels', { 'content-type': 'text/plain' }],
  ['an image with time', '/predict?timeout_ms=5000', 'pixels', { 'content-type': 'image/png' }],
  ['a body that is compressed', '/predict', { inputs: 'good' }, { 'content-encoding': 'gzip' }],
  ['a large body', '/predict', { inputs: 'x'.repeat(20_000) }, {}],
  ['a time that is none', '/predict', { inputs: 'good' }, { 'x-request-timeout-ms': 'soon' }],
])('what is not plainly a prediction goes the usual way: %s', async (_name, path, body, headers) => {
  const { post } = await serverWith(2_000);
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  expect(await post(path, body, headers)).toMatchObject({ status: 200, text: `usual ${sent}` });
});

test.each([
  ['keys are asked for', { certificate: {}, gatekeeper: {} }],
  ['requests are traced', { tracer: {} }],
  ['the server drains', { phase: () => 'draining' }],
  ['pages of other origins call', { config: parseConfig({ SERVAL_CORS_ORIGINS: 'https://example.org' }) }],
])('everything goes the usual way where %s', async (_name, changes) => {
  const { post } = await serverWith(2_000, changes as unknown as PlainParts);
  expect((await post('/predict', { inputs: 'good' })).status).toBe(200);
});

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKeys } from '../fixtures/api-keys.ts';
import { bytesElements } from '../fixtures/infer-body.ts';
import { RawConnection } from '../fixtures/raw-connection.ts';
import { type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const TOKEN = 'a-token-for-the-tests';
const { keys, lines } = makeKeys({
  web: {},
  bound: { models: ['tiny'] },
  bothmodels: { models: ['tiny', 'other'] },
  scraper: { scopes: ['metrics'] },
  expired: { expires: '2020-01-01' },
  slow: { rate: { per_second: 0.01, burst: 2 } },
  small: { quota: { requests: 2, per: 'day' } },
  counted: { rate: { per_second: 0.01, burst: 50 } },
});
const UNKNOWN = `serval_${'A'.repeat(43)}`;
const TEXT = { inputs: 'good film' };

let folder: string;
let file: string;
let serval: ServalProcess;

beforeAll(async () => {
  folder = await makeFolder();
  file = path.join(folder, 'keys');
  await writeFile(file, lines);
  await writeTextModel(path.join(folder, 'models', 'tiny'));
  await writeTextModel(path.join(folder, 'models', 'other'));
  serval = await startServal({
    models: path.join(folder, 'models'),
    settings: { API_KEYS_FILE: file, ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'trace' },
  });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(folder);
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const post = (url: string, body: unknown, headers: Record<string, string> = {}) => serval.post(url, body, { headers });

const OWN_FIELDS = ['statusCode', 'code', 'error', 'message', 'details'];

/** A request that each protocol answers, and the fields of its errors. */
const PROTOCOLS = [
  ['own', '/models/tiny/predict', TEXT, OWN_FIELDS],
  [
    'Open Inference',
    '/v2/models/tiny/infer',
    { inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['good'] }] },
    ['error'],
  ],
  ['Hugging Face', '/hf/models/tiny', TEXT, ['error']],
  ['Text Embeddings Inference', '/tei/tiny/predict', TEXT, ['error', 'error_type']],
  ['TensorFlow Serving', '/v1/models/tiny:predict', { instances: ['good film'] }, ['error']],
] as const;

describe.each(PROTOCOLS)('the %s protocol', (_name, url, body, fields) => {
  test('takes a key as a bearer token and as X-API-Key', async () => {
    expect((await post(url, body, bearer(keys.web))).status).toBe(200);
    expect((await post(url, body, { 'x-api-key': keys.web })).status).toBe(200);
  });

  test.each([
    ['none', {}, 401, 'Bearer', /Send an API key/],
    ['an unknown one', bearer(UNKNOWN), 401, 'Bearer error="invalid_token"', /not known/],
    ['the management token', bearer(TOKEN), 401, 'Bearer error="invalid_token"', /not known/],
    ['an expired one', bearer(keys.expired), 401, 'Bearer error="invalid_token"', /expired/],
    ['one of another scope', bearer(keys.scraper), 403, 'Bearer error="insufficient_scope"', /scope "predict"/],
  ] as const)('refuses %s in its own shape', async (_, headers, status, challenge, message) => {
    const refused = await post(url, body, headers as Record<string, string>);
    expect(refused.status).toBe(status);
    expect(refused.headers.get('www-authenticate')).toBe(challenge);
    const { error, message: own = error } = refused.body as { error: string; message?: string };
    expect(own).toMatch(message);
    for (const field of Object.keys(refused.body as object)) expect(fields).toContain(field);
  });
});

describe('each refusal has its code', () => {
  test.each([
    ['SERVAL_KEY_MISSING', 401, {}],
    ['SERVAL_KEY_UNKNOWN', 401, bearer(UNKNOWN)],
    ['SERVAL_KEY_EXPIRED', 401, bearer(keys.expired)],
    ['SERVAL_KEY_SCOPE', 403, bearer(keys.scraper)],
  ] as const)('%s', async (code, status, headers) => {
    const { body } = await post('/predict', TEXT, headers as Record<string, string>);
    expect(body).toMatchObject({ statusCode: status, code });
  });

  test('SERVAL_KEY_MODEL, wherever the model is named', async () => {
    const refusal = { status: 403, body: { code: 'SERVAL_KEY_MODEL' } };
    const headers = bearer(keys.bound);
    expect(await post('/models/other/predict', TEXT, headers)).toMatchObject(refusal);
    expect(await post('/predict', { ...TEXT, model: 'other' }, headers)).toMatchObject(refusal);
    expect(await post('/predict?model=other', TEXT, headers)).toMatchObject(refusal);
    expect(await post('/predict', TEXT, bearer(keys.bothmodels))).toMatchObject(refusal);
    expect(await serval.get('/models/other', headers)).toMatchObject(refusal);
    for (const url of [
      '/hf/models/other',
      '/tei/other/predict',
      '/v1/models/other:predict',
      '/v2/models/other/infer',
    ]) {
      expect((await post(url, TEXT, headers)).status).toBe(403);
    }
    for (const url of ['/models', '/v1/models', '/v2/models/stats']) {
      expect((await serval.get(url, headers)).status).toBe(403);
    }
    expect((await post('/v2/repository/index', {}, headers)).status).toBe(403);
  });

  test('SERVAL_RATE_LIMITED, with the time to come back', async () => {
    const answers = [];
    for (let k = 0; k < 3; k++) answers.push(await post('/models/tiny/predict', TEXT, bearer(keys.slow)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"rate";q=2;w=200');
    expect(answers[0]?.headers.get('ratelimit')).toBe('"rate";r=1;t=100');
    expect(answers[2]?.body).toMatchObject({ code: 'SERVAL_RATE_LIMITED' });
    const wait = answers[2]?.headers.get('retry-after');
    expect(Number(wait)).toBeGreaterThan(90);
    expect(answers[2]?.headers.get('ratelimit')).toBe(`"rate";r=0;t=${wait}`);
    const tei = await post('/tei/tiny/predict', TEXT, bearer(keys.slow));
    expect(tei).toMatchObject({ status: 429, body: { error_type: 'Overloaded' } });
  });

  test('SERVAL_QUOTA_EXCEEDED, with the time to the next window', async () => {
    const answers = [];
    for (let k = 0; k < 3; k++) answers.push(await post('/models/tiny/predict', TEXT, bearer(keys.small)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[1]?.headers.get('ratelimit')).toMatch(/^"quota";r=0;t=\d+$/);
    expect(answers[2]?.body).toMatchObject({ code: 'SERVAL_QUOTA_EXCEEDED' });
    const wait = Number(answers[2]?.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(86_400);
  });
});

test('a key of one model needs not name it', async () => {
  expect(await post('/predict', TEXT, bearer(keys.bound))).toMatchObject({ status: 200, body: { model: 'tiny' } });
});

test('a key without limits gets no fields about them', async () => {
  const { headers } = await post('/models/tiny/predict', TEXT, bearer(keys.web));
  expect([headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([null, null]);
});

test.each(['GET', 'HEAD', 'POST'])('a %s request counts once', async (method) => {
  const send = async () => {
    const url = method === 'POST' ? '/models/tiny/predict' : '/models/tiny';
    const body = method === 'POST' ? { body: JSON.stringify(TEXT) } : {};
    const headers = { ...bearer(keys.counted), 'content-type': 'application/json' };
    const response = await fetch(`${serval.url}${url}`, { method, headers, ...body });
    expect(response.status).toBe(200);
    return Number(/r=(\d+)/.exec(response.headers.get('ratelimit') ?? '')?.[1]);
  };
  const [first, second] = [await send(), await send()];
  expect(first - second).toBe(1);
});

test('health, pages and unknown paths need no key; metrics need their scope', async () => {
  for (const url of [
    '/',
    '/health/live',
    '/health/ready',
    '/v2/health/ready',
    '/v2/models/tiny/ready',
    '/tei/tiny/health',
  ]) {
    expect((await serval.get(url)).status).toBe(200);
  }
  for (const url of ['/docs', '/docs/json', '/openapi.json']) expect((await serval.get(url)).status).toBe(200);
  expect((await serval.get('/nothing-here')).status).toBe(404);
  expect((await serval.get('/metrics')).status).toBe(401);
  expect((await serval.get('/metrics', bearer(keys.web))).status).toBe(403);
  expect((await serval.get('/metrics', bearer(keys.scraper))).status).toBe(200);
});

test('the management routes take their own token, and no key', async () => {
  expect((await post('/repository/reload', {}, bearer(keys.web))).status).toBe(401);
  expect((await post('/repository/reload', {}, bearer(TOKEN))).status).toBe(200);
});

test('a request without a key is refused before its body has come', async () => {
  const connection = await RawConnection.open(serval.port);
  connection.request('POST', '/predict', '', { 'content-length': '1000000' });
  const { status, body } = await connection.response();
  connection.end();
  expect(status).toBe(401);
  expect(body).toContain('SERVAL_KEY_MISSING');
});

test('each key’s requests are counted under its name, and its name is in the log', async () => {
  await post('/models/tiny/predict', TEXT, { ...bearer(keys.web), 'x-request-id': 'named' });
  await post('/models/tiny/predict', TEXT, bearer(keys.expired));
  const text = String((await serval.get('/metrics', bearer(keys.scraper))).body);
  expect(text).toMatch(/^serval_api_key_requests_total\{key="web",outcome="admitted"\} \d+$/m);
  expect(text).toMatch(/^serval_api_key_requests_total\{key="expired",outcome="expired"\} \d+$/m);
  const line = () => serval.logged('request').find(({ reqId }) => reqId === 'named');
  await expect.poll(line).toMatchObject({ key: 'web', status: 200 });
});

test('the file is read again when it changes, and what cannot be read changes nothing', async () => {
  const added = makeKeys({ late: {} });
  await writeFile(file, `${lines}\n${added.lines}`);
  const late = () => post('/models/tiny/predict', TEXT, bearer(added.keys.late));
  await waitFor(async () => (await late()).status === 200);
  // Limits that were used up still are.
  expect((await post('/models/tiny/predict', TEXT, bearer(keys.small))).status).toBe(429);
  await writeFile(file, '{"name": "late"');
  await serval.whenLogged('API keys changed and cannot be read; those before stay');
  expect((await late()).status).toBe(200);
  await writeFile(file, lines);
  await waitFor(async () => (await late()).status === 401);
});

test('no key, token or input is ever in the log, at its most talkative', async () => {
  const input = 'xyzzy';
  const headers = { ...bearer(keys.web), cookie: `session=${input}` };
  await post('/models/tiny/predict', { inputs: input }, headers);
  await post('/models/tiny/predict', `{"inputs": "${input}`, headers);
  await post('/models/tiny/predict', { inputs: { image: input } }, { 'x-api-key': keys.web });
  await post(`/models/tiny/predict?api_key=${keys.web}`, { inputs: input });
  await post('/v2/models/tiny/infer', bytesElements(input).toString('latin1'), headers);
  await post('/predict', { inputs: input }, bearer(UNKNOWN));
  await post('/repository/reload', {}, bearer(TOKEN));
  await post(`/repository/reload?token=${TOKEN}`, {}, bearer(`${TOKEN}x`));
  const broken = await RawConnection.open(serval.port);
  broken.write('POST /predict HTTP/1.1', `authorization: Bearer ${keys.web}`, `bad header ${input}`, '', '');
  expect((await broken.response()).status).toBe(400);
  broken.end();
  await serval.get('/health/live', { 'x-request-id': 'last-of-these' });
  await expect.poll(() => serval.output).toContain('last-of-these');
  for (const secret of [input, TOKEN, UNKNOWN, ...Object.values(keys)]) expect(serval.output).not.toContain(secret);
});

describe('a server that cannot tell who may come in', () => {
  test.each([
    ['has a file of keys that is not there', { API_KEYS_FILE: '/nowhere/keys' }, /SERVAL_API_KEYS_FILE|ENOENT/],
    ['has a line that is wrong', { API_KEYS: '{"name":"web"}' }, /SERVAL_API_KEYS, line 1: sha256/],
  ])('does not start: it %s', async (_, settings, reason) => {
    const failed = startServal({ models: path.join(folder, 'models'), settings });
    await expect(failed).rejects.toThrow(reason);
  });

  test('lets nobody in where its file is empty', async () => {
    const empty = path.join(folder, 'empty');
    await writeFile(empty, '');
    const strict = await startServal({
      models: path.join(folder, 'models'),
      settings: { API_KEYS_FILE: empty, WORKERS: 1 },
    });
    const { status } = await strict.post('/predict', TEXT, { headers: bearer(keys.web) });
    await strict.kill();
    expect(status).toBe(401);
  });
});

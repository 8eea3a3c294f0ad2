import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERROR_TABLE, type ErrorCode } from '../../src/errors.ts';
import { RawConnection } from '../fixtures/raw-connection.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { tokenizerFile, writeTextModel } from '../fixtures/text-model.ts';

let models: string;
let serval: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny', '1'));
  await writeTextModel(path.join(models, 'tiny', '2'), { files: { 'config.json': '{' } });
  await writeTextModel(path.join(models, 'softmax-graph'), { graph: { ending: 'Softmax' } });
  await writeTextModel(path.join(models, 'slow'), { graph: { slowness: 4 } });
  await writeTextModel(path.join(models, 'stray'), { files: { 'tokenizer.json': tokenizerFile(['stray']) } });
  await writeTextModel(path.join(models, 'broken'), { files: { 'model.onnx': 'no model' } });
  serval = await startServal({
    models,
    settings: { MAX_TEXT_BODY_BYTES: 10_000, MAX_INPUTS: 3, MAX_INPUT_CHARS: 500, MAX_HEADER_BYTES: 4_096 },
  });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

interface Case {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | object;
  readonly code: ErrorCode;
  /** What the message must say to help. */
  readonly says: string;
}

const TINY = '/models/tiny/predict';

const CASES: readonly Case[] = [
  { name: 'no JSON at all', body: 'inputs=good', code: 'SERVAL_MALFORMED_JSON', says: 'not valid JSON' },
  { name: 'JSON that is cut short', body: '{"inputs": "goo', code: 'SERVAL_MALFORMED_JSON', says: 'at position 15' },
  { name: 'an empty body', body: '', code: 'SERVAL_MALFORMED_JSON', says: 'The body is empty' },
  { name: 'JSON that is no object', body: '"good"', code: 'SERVAL_INVALID_REQUEST', says: 'expected object' },
  { name: 'no inputs', body: {}, code: 'SERVAL_INVALID_REQUEST', says: 'body.inputs: must be a text' },
  {
    name: 'a number for a text',
    body: { inputs: 7 },
    code: 'SERVAL_INVALID_REQUEST',
    says: 'body.inputs: must be a text',
  },
  { name: 'null for a text', body: { inputs: null }, code: 'SERVAL_INVALID_REQUEST', says: 'body.inputs' },
  { name: 'a number among texts', body: { inputs: ['a', 1] }, code: 'SERVAL_INVALID_REQUEST', says: 'body.inputs' },
  { name: 'an empty list', body: { inputs: [] }, code: 'SERVAL_INVALID_REQUEST', says: 'with at least one' },
  { name: 'a misspelt field', body: { inputs: 'a', topk: 1 }, code: 'SERVAL_INVALID_REQUEST', says: '"topk"' },
  {
    name: 'a misspelt parameter',
    body: { inputs: 'a', parameters: { topK: 1 } },
    code: 'SERVAL_INVALID_REQUEST',
    says: '"topK"',
  },
  {
    name: 'a top_k of none',
    body: { inputs: 'a', parameters: { top_k: 0 } },
    code: 'SERVAL_INVALID_REQUEST',
    says: 'body.parameters.top_k',
  },
  {
    name: 'a function that does not exist',
    body: { inputs: 'a', parameters: { function_to_apply: 'relu' } },
    code: 'SERVAL_INVALID_REQUEST',
    says: 'must be softmax, sigmoid or none',
  },
  {
    name: 'a timeout over the limit',
    body: { inputs: 'a', parameters: { timeout_ms: 1e9 } },
    code: 'SERVAL_INVALID_REQUEST',
    says: 'body.parameters.timeout_ms',
  },
  {
    name: 'several models for texts',
    path: '/predict',
    body: { inputs: 'a' },
    code: 'SERVAL_MODEL_REQUIRED',
    says: 'name one of',
  },
  {
    name: 'two models at once',
    body: { model: 'slow', inputs: 'a' },
    code: 'SERVAL_MODEL_MISMATCH',
    says: 'name it once',
  },
  { name: 'an unknown path', path: '/predictions', body: {}, code: 'SERVAL_ROUTE_NOT_FOUND', says: 'no /predictions' },
  {
    name: 'an unknown model',
    path: '/models/nobody/predict',
    body: { inputs: 'a' },
    code: 'SERVAL_MODEL_NOT_FOUND',
    says: 'there are',
  },
  {
    name: 'an unknown model in the body',
    path: '/predict',
    body: { model: 'nobody', inputs: 'a' },
    code: 'SERVAL_MODEL_NOT_FOUND',
    says: 'No model is called "nobody"',
  },
  {
    name: 'an unknown model to look at',
    method: 'GET',
    path: '/models/nobody',
    code: 'SERVAL_MODEL_NOT_FOUND',
    says: 'tiny',
  },
  {
    name: 'a name that no model can have',
    method: 'GET',
    path: `/models/${'a'.repeat(300)}`,
    code: 'SERVAL_INVALID_REQUEST',
    says: 'params.model',
  },
  {
    name: 'an unknown version',
    path: '/models/tiny/versions/9/predict',
    body: { inputs: 'a' },
    code: 'SERVAL_VERSION_NOT_FOUND',
    says: '"tiny" has no version 9; there are 1, 2',
  },
  {
    name: 'a version that is no number',
    path: '/models/tiny/versions/latest/predict',
    body: { inputs: 'a' },
    code: 'SERVAL_INVALID_REQUEST',
    says: 'must be a positive whole number',
  },
  {
    name: 'a version that failed',
    path: '/models/tiny/versions/2/predict',
    body: { inputs: 'a' },
    code: 'SERVAL_VERSION_NOT_READY',
    says: 'GET /models/tiny says why',
  },
  {
    name: 'a model without a ready version',
    path: '/models/broken/predict',
    body: { inputs: 'a' },
    code: 'SERVAL_VERSION_NOT_READY',
    says: '1 is failed',
  },
  {
    name: 'a wrong method',
    method: 'GET',
    path: '/predict',
    code: 'SERVAL_METHOD_NOT_ALLOWED',
    says: '/predict takes POST, not GET',
  },
  {
    name: 'a wrong method with a body',
    method: 'PUT',
    path: '/predict',
    body: {},
    code: 'SERVAL_METHOD_NOT_ALLOWED',
    says: 'POST',
  },
  {
    name: 'a wrong method on a path with names',
    method: 'DELETE',
    path: '/models/tiny',
    code: 'SERVAL_METHOD_NOT_ALLOWED',
    says: 'GET',
  },
  {
    name: 'another content type',
    headers: { 'content-type': 'text/plain' },
    body: 'good',
    code: 'SERVAL_MEDIA_TYPE',
    says: 'application/json',
  },
  {
    name: 'a form',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'inputs=good',
    code: 'SERVAL_MEDIA_TYPE',
    says: 'application/json',
  },
  {
    name: 'a compressed body',
    headers: { 'content-encoding': 'gzip' },
    body: { inputs: 'a' },
    code: 'SERVAL_CONTENT_ENCODING',
    says: 'Send the body uncompressed',
  },
  {
    name: 'too many inputs',
    body: { inputs: ['a', 'b', 'c', 'd'] },
    code: 'SERVAL_TOO_MANY_INPUTS',
    says: '4 inputs, 3 are allowed',
  },
  { name: 'an empty text', body: { inputs: '' }, code: 'SERVAL_EMPTY_INPUT', says: 'send at least one word' },
  { name: 'a text of spaces', body: { inputs: ['good', ' \n'] }, code: 'SERVAL_EMPTY_INPUT', says: 'Input 1:' },
  {
    name: 'a text of too many characters',
    body: { inputs: 'a'.repeat(501) },
    code: 'SERVAL_TEXT_TOO_LONG',
    says: '501 characters, 500 are allowed',
  },
  {
    name: 'a text of too many tokens that must not be cut',
    body: { inputs: 'good '.repeat(80), parameters: { truncate: false } },
    code: 'SERVAL_TEXT_TOO_LONG',
    says: '82 tokens, the model takes 64',
  },
  {
    name: 'an image for a text model',
    body: { inputs: { image: 'aGk=' } },
    code: 'SERVAL_INPUT_KIND',
    says: '"tiny" takes text',
  },
  {
    name: 'an image where no model takes any',
    path: '/predict',
    body: { inputs: { image: 'aGk=' } },
    code: 'SERVAL_MODEL_NOT_FOUND',
    says: 'No model takes image',
  },
  {
    name: 'a second function on a graph that ends in one',
    path: '/models/softmax-graph/predict',
    body: { inputs: 'good', parameters: { function_to_apply: 'sigmoid' } },
    code: 'SERVAL_FUNCTION_TO_APPLY',
    says: 'The graph ends in softmax',
  },
  {
    name: 'an input that the graph cannot run',
    path: '/models/stray/predict',
    body: { inputs: 'stray' },
    code: 'SERVAL_RUN_FAILED',
    says: 'could not run on this input',
  },
  {
    name: 'less time than the run takes',
    path: '/models/slow/predict',
    body: { inputs: 'good', parameters: { timeout_ms: 30 } },
    code: 'SERVAL_DEADLINE_EXCEEDED',
    says: 'allow more with timeout_ms',
  },
];

describe.each(CASES)('$name', ({ method = 'POST', path: url = TINY, headers = {}, body = '', code, says }) => {
  test(`is answered with ${code}, and the connection goes on`, async () => {
    const connection = await RawConnection.open(serval.port);
    const [status] = ERROR_TABLE[code];
    connection.request(method, url, typeof body === 'string' ? body : JSON.stringify(body), headers);
    const response = await connection.response();
    expect(JSON.parse(response.body)).toMatchObject({
      statusCode: status,
      code,
      message: expect.stringContaining(says),
    });
    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toContain('application/json');
    expect(response.headers['x-request-id']).toBeDefined();
    connection.request('GET', '/health/live');
    expect(await connection.response()).toMatchObject({ status: 200, body: '{"status":"live"}' });
    connection.end();
  });
});

test('a wrong method is told which ones there are', async () => {
  const response = await fetch(`${serval.url}/predict`, { method: 'DELETE' });
  expect(response.headers.get('allow')).toBe('POST');
});

test('every wrong field is named at once', async () => {
  const { body } = await serval.post(TINY, { inputs: 1, parameters: { top_k: 'all', truncate: 'no' } });
  const { issues } = (body as { details: { issues: { path: string }[] } }).details;
  expect(issues.map(({ path: field }) => field).sort()).toEqual([
    'body.inputs',
    'body.parameters.top_k',
    'body.parameters.truncate',
  ]);
});

test('no error tells of the machine it happened on', async () => {
  const bodies = await Promise.all([
    serval.post('/models/broken/predict', { inputs: 'a' }),
    serval.post('/models/stray/predict', { inputs: 'stray' }),
    serval.get('/models/broken'),
    serval.get('/%2e%2e/etc/passwd'),
  ]);
  for (const { body } of bodies) {
    expect(JSON.stringify(body)).not.toContain(models);
    expect(JSON.stringify(body)).not.toMatch(/\.ts:\d|node_modules|at async/);
  }
});

test('the reason of a failed run stands in the log under the request’s id', async () => {
  const { headers } = await serval.post('/models/stray/predict', { inputs: 'stray' });
  const id = headers.get('x-request-id');
  await expect
    .poll(() => serval.logged('request failed').filter(({ reqId }) => reqId === id))
    .toEqual([expect.objectContaining({ code: 'SERVAL_RUN_FAILED' })]);
});

test('GET /models says why a version failed', async () => {
  const { body } = await serval.get('/models/tiny');
  expect(body).toMatchObject({
    served_version: 1,
    versions: [{}, { state: 'failed', reason: expect.stringContaining('config.json') }],
  });
});

test('every code of the table has a test that makes it happen', () => {
  const folder = new URL('../', import.meta.url);
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join();
  // A bug is what no test can make happen: its answer is tested where errors are mapped.
  const codes = Object.keys(ERROR_TABLE).filter((code) => code !== 'SERVAL_INTERNAL');
  expect(codes.filter((code) => !tests.includes(`'${code}'`))).toEqual([]);
});

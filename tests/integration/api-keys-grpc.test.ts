import path from 'node:path';
import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKeys } from '../fixtures/api-keys.ts';
import { errorOf, GrpcClient, HEALTH, type Message } from '../fixtures/grpc-client.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const TOKEN = 'a-token-for-the-tests';
const { keys, lines } = makeKeys({
  web: {},
  bound: { models: ['tiny'] },
  scraper: { scopes: ['metrics'] },
  expired: { expires: '2020-01-01' },
  slow: { rate: { per_second: 0.01, burst: 1 } },
  streamer: { rate: { per_second: 0.01, burst: 2 } },
  small: { quota: { requests: 1, per: 'day' } },
});
const UNKNOWN = `serval_${'A'.repeat(43)}`;

let models: string;
let serval: ServalProcess;
let port: number;
let client: GrpcClient;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'));
  await writeTextModel(path.join(models, 'other'));
  serval = await startServal({
    models,
    settings: { GRPC_PORT: 0, API_KEYS: lines, ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'trace' },
  });
  port = Number((await serval.whenLogged('listening for gRPC')).port);
  client = new GrpcClient(port);
});

afterAll(async () => {
  client?.close();
  await serval.kill();
  await removeFolder(models);
});

const INPUT = { name: 'text', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.from('good film')] } };
const requestTo = (model: string) => ({ model_name: model, inputs: [INPUT] });

function withKey(key: string | null, field = 'authorization'): Metadata {
  const metadata = new Metadata();
  if (key !== null) metadata.set(field, field === 'authorization' ? `Bearer ${key}` : key);
  return metadata;
}

const infer = (key: string | null, model = 'tiny') => client.call('ModelInfer', requestTo(model), {}, withKey(key));

test('a key is taken from authorization and from x-api-key', async () => {
  expect(await infer(keys.web)).toMatchObject({ model_name: 'tiny' });
  const answer = await client.call('ModelInfer', requestTo('tiny'), {}, withKey(keys.web, 'x-api-key'));
  expect(answer).toMatchObject({ model_name: 'tiny' });
});

describe('a call is refused', () => {
  test.each<[string, string | null, string, status, string]>([
    ['without a key', null, 'tiny', status.UNAUTHENTICATED, 'SERVAL_KEY_MISSING'],
    ['with an unknown one', UNKNOWN, 'tiny', status.UNAUTHENTICATED, 'SERVAL_KEY_UNKNOWN'],
    ['with an expired one', keys.expired, 'tiny', status.UNAUTHENTICATED, 'SERVAL_KEY_EXPIRED'],
    ['with one of another scope', keys.scraper, 'tiny', status.PERMISSION_DENIED, 'SERVAL_KEY_SCOPE'],
    ['with one for another model', keys.bound, 'other', status.PERMISSION_DENIED, 'SERVAL_KEY_MODEL'],
  ])('%s', async (_, key, model, code, serval_code) => {
    const error = await errorOf(infer(key, model));
    expect(error.code).toBe(code);
    expect(error.metadata.get('serval-code')).toEqual([serval_code]);
  });

  test.each<[string, string, string]>([
    ['over its rate', keys.slow, 'SERVAL_RATE_LIMITED'],
    ['over its quota', keys.small, 'SERVAL_QUOTA_EXCEEDED'],
  ])('%s, with the time to come back', async (_, key, code) => {
    await infer(key);
    const error = await errorOf(infer(key));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.metadata.get('serval-code')).toEqual([code]);
    expect(Number(error.metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThan(0);
  });

  test('before its message is read', async () => {
    const error = await errorOf(client.bytes('ModelInfer', Buffer.alloc(70_000_000), {}, withKey(null)));
    expect(error.code).toBe(status.UNAUTHENTICATED);
  });

  test('and stands in the metrics and in the log like any other', async () => {
    const metric = () =>
      serval.logged('request').filter(({ grpc, code }) => grpc === 'ModelInfer' && code !== undefined);
    await errorOf(infer(null));
    await expect.poll(() => metric().at(-1)).toMatchObject({ status: 401, code: 'SERVAL_KEY_MISSING' });
  });
});

test('lists are not for a key of some models', async () => {
  const call = (name: string, message: object, key: string) => client.call(name, message, {}, withKey(key));
  expect((await errorOf(call('RepositoryIndex', {}, keys.bound))).code).toBe(status.PERMISSION_DENIED);
  expect((await errorOf(call('ModelStatistics', {}, keys.bound))).code).toBe(status.PERMISSION_DENIED);
  expect(await call('RepositoryIndex', {}, keys.web)).toMatchObject({ models: expect.anything() });
  expect((await call('ModelStatistics', { name: 'tiny' }, keys.bound)).model_stats).toHaveLength(1);
  expect(await call('ModelMetadata', { name: 'tiny' }, keys.bound)).toMatchObject({ name: 'tiny' });
});

test('health needs no key, and management its own token', async () => {
  const health = new GrpcClient(port, HEALTH);
  expect(await health.call('Check', { service: '' })).toEqual({ status: 'SERVING' });
  health.close();
  expect(await client.call('ServerReady', {})).toEqual({ ready: true });
  expect(await client.call('ModelReady', { name: 'tiny' })).toEqual({ ready: true });
  const load = (key: string) => client.call('RepositoryModelLoad', { model_name: 'tiny' }, {}, withKey(key));
  expect((await errorOf(load(keys.web))).code).toBe(status.UNAUTHENTICATED);
  await load(TOKEN);
});

test('each message of a stream counts, and one too many is the answer to that message', async () => {
  const stream = client.stream('ModelStreamInfer', withKey(keys.streamer));
  const answers: Message[] = [];
  stream.on('data', (answer) => answers.push(answer));
  for (const id of ['1', '2', '3']) stream.write({ ...requestTo('tiny'), id });
  stream.end();
  await new Promise((resolve) => stream.on('end', resolve));
  const failed = answers.filter(({ error_message: message }) => message !== '');
  expect(answers).toHaveLength(3);
  expect(failed).toMatchObject([{ error_message: expect.stringContaining('too fast'), infer_response: { id: '3' } }]);
});

test('a stream without a key never begins', async () => {
  const stream = client.stream('ModelStreamInfer', withKey(null));
  const error = await new Promise<{ code?: number }>((resolve) => stream.on('error', resolve));
  expect(error.code).toBe(status.UNAUTHENTICATED);
});

test('no key is ever in the log, at its most talkative', async () => {
  await errorOf(infer(UNKNOWN));
  await client.call('ServerReady', {}, {}, withKey(keys.web));
  const line = () => serval.logged('request').filter(({ grpc }) => grpc === 'ServerReady').length;
  await expect.poll(line).toBeGreaterThan(0);
  for (const secret of [TOKEN, UNKNOWN, 'good film', ...Object.values(keys)])
    expect(serval.output).not.toContain(secret);
});

import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RawConnection } from '../fixtures/raw-connection.ts';
import { isAlive, type ServalOptions, type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { goldenFile, writeTextModel } from '../fixtures/text-model.ts';

let models: string;
let serval: ServalProcess | null = null;

beforeEach(async () => {
  models = await makeFolder();
  // Some 400 ms a run; one golden sample, so that the start is not as slow.
  const files = { 'golden.json': goldenFile(['good film']) };
  await writeTextModel(path.join(models, 'slow'), { graph: { slowness: 10 }, files });
});

afterEach(async () => {
  await serval?.kill();
  await removeFolder(models);
});

/** One worker, one item a batch: what is accepted takes a while. */
async function start(options: Partial<ServalOptions> = {}): Promise<ServalProcess> {
  serval = await startServal({
    models,
    ...options,
    settings: { WORKERS: 1, MAX_BATCH_ITEMS: 1, SHARE_IDENTICAL: 'false', ...options.settings },
  });
  return serval;
}

/** Sends requests and resolves when the server has accepted them all; the answers are still to come. */
async function accepted(target: ServalProcess, count: number) {
  const answers = Array.from({ length: count }, () => target.post('/predict', { inputs: 'good film' }));
  await waitFor(async () => (await target.metric('serval_queue_items{model="slow",version="1"}')) === count - 1);
  return answers;
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s answers what was accepted, ends all processes and exits with 0',
  async (signal) => {
    const target = await start();
    const workers = target.workerPids;
    const answers = await accepted(target, 3);
    target.signal(signal);
    for (const { status, body } of await Promise.all(answers)) {
      expect({ status, body }).toMatchObject({ status: 200, body: { predictions: [{ label: 'positive' }] } });
    }
    expect(await target.exited).toEqual({ code: 0, signal: null });
    expect(target.logged('stopped')).toEqual([expect.objectContaining({ clean: true })]);
    expect(workers.filter(isAlive)).toEqual([]);
  },
);

test('Ctrl-C, which reaches the workers too, loses no accepted request', async () => {
  const target = await start({ ownGroup: true });
  const answers = await accepted(target, 2);
  target.signalGroup('SIGINT');
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  expect(await target.exited).toEqual({ code: 0, signal: null });
});

test('a request on a connection that was open before is told to go elsewhere', async () => {
  const target = await start();
  const connection = await RawConnection.open(target.port);
  const answers = await accepted(target, 2);
  target.signal('SIGTERM');
  await target.whenLogged('draining');
  connection.request('POST', '/predict', '{"inputs":"good"}');
  const refused = await connection.response();
  expect(refused.status).toBe(503);
  expect(JSON.parse(refused.body)).toMatchObject({ code: 'SERVAL_DRAINING' });
  expect(refused.headers.connection).toBe('close');
  await Promise.all(answers);
  expect(await target.exited).toEqual({ code: 0, signal: null });
});

test('a connection that never asks for anything does not hold it up', async () => {
  const target = await start();
  const silent = await RawConnection.open(target.port);
  const begun = performance.now();
  expect(await target.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - begun).toBeLessThan(3_000);
  await silent.closed();
});

test('a new connection is told to go elsewhere too, and is not ready at once', async () => {
  const target = await start();
  const answers = await accepted(target, 2);
  target.signal('SIGTERM');
  await target.whenLogged('draining');
  for (const [method, path] of [
    ['POST', '/predict'],
    ['GET', '/health/ready'],
  ] as const) {
    const connection = await RawConnection.open(target.port);
    connection.request(method, path, method === 'POST' ? '{"inputs":"good"}' : '');
    const refused = await connection.response();
    expect([refused.status, refused.headers.connection]).toEqual([503, 'close']);
    await connection.closed();
  }
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  expect(await target.exited).toEqual({ code: 0, signal: null });
});

test('during the grace it is not ready, and serves', async () => {
  const target = await start({ settings: { SHUTDOWN_GRACE_MS: 1_500 } });
  target.signal('SIGTERM');
  await target.whenLogged('not ready, serving until load balancers have seen it');
  expect((await target.get('/health/ready')).status).toBe(503);
  expect((await target.post('/predict', { inputs: 'good film' })).status).toBe(200);
  expect(await target.exited).toEqual({ code: 0, signal: null });
});

test('a second signal ends at once', async () => {
  const target = await start();
  const answers = await accepted(target, 4);
  const broken = Promise.allSettled(answers);
  target.signal('SIGTERM');
  await target.whenLogged('draining');
  target.signal('SIGTERM');
  expect(await target.exited).toEqual({ code: 130, signal: null });
  expect((await broken).some(({ status }) => status === 'rejected')).toBe(true);
});

test('what is not done at the drain limit is given up, and the exit code says so', async () => {
  const target = await start({ settings: { DRAIN_TIMEOUT_MS: 50 } });
  const broken = Promise.allSettled(await accepted(target, 4));
  target.signal('SIGTERM');
  expect(await target.exited).toEqual({ code: 1, signal: null });
  expect(target.logged('stopped')).toEqual([expect.objectContaining({ clean: false })]);
  await broken;
});

import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { isAlive, type ServalOptions, type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { goldenFile, writeTextModel } from '../fixtures/text-model.ts';

const CLIENT_CLOSED: ErrorCode = 'SERVAL_CLIENT_CLOSED';

let models: string;
let serval: ServalProcess | null = null;

beforeEach(async () => {
  models = await makeFolder();
});

afterEach(async () => {
  await serval?.kill();
  await removeFolder(models);
});

/** @param slowness large matrix products a run: some 40 ms each. */
async function start(slowness: number, settings: ServalOptions['settings'] = {}): Promise<ServalProcess> {
  const files = { 'golden.json': goldenFile(['good film']) };
  await writeTextModel(path.join(models, 'slow'), { graph: { slowness }, files });
  // Every request is to have a run of its own, though all ask for the same text.
  serval = await startServal({ models, settings: { SHARE_IDENTICAL: 'false', ...settings } });
  return serval;
}

/** Keeps `connections` requests under way until `count` are answered; gives, and collects, the statuses of all. */
async function load(
  target: ServalProcess,
  count: number,
  connections: number,
  statuses: number[] = [],
): Promise<number[]> {
  let sent = 0;
  const client = async () => {
    while (sent++ < count) statuses.push((await target.post('/predict', { inputs: 'good film' })).status);
  };
  await Promise.all(Array.from({ length: connections }, client));
  return statuses;
}

describe('kill -9 of a worker', () => {
  test('under load loses no request, and the worker is back by itself', async () => {
    const target = await start(1, { MAX_BATCH_ITEMS: 2 });
    const before = target.workerPids;
    const loading = load(target, 60, 8);
    await waitFor(async () => (await target.metric('serval_items_total{model="slow",version="1"}')) >= 10);
    const [victim = 0] = before;
    process.kill(victim, 'SIGKILL');
    expect(await loading).toEqual(Array.from({ length: 60 }, () => 200));
    await waitFor(async () => (await target.metric('serval_workers')) === 2);
    expect(target.workerPids).not.toContain(victim);
    expect(await target.metric('serval_worker_restarts_total')).toBe(1);
    expect(target.logged('worker ended, it is replaced')).toEqual([
      expect.objectContaining({ pid: victim, signal: 'SIGKILL' }),
    ]);
  });

  test('of all workers at once loses no request either', async () => {
    const target = await start(1, { MAX_BATCH_ITEMS: 2 });
    const loading = load(target, 40, 8);
    await waitFor(async () => (await target.metric('serval_items_total{model="slow",version="1"}')) >= 6);
    for (const pid of target.workerPids) process.kill(pid, 'SIGKILL');
    expect(await loading).toEqual(Array.from({ length: 40 }, () => 200));
  });

  test('twice under the same request answers it with 500, and others go on', async () => {
    const target = await start(10, { WORKERS: 1 });
    const answering = target.post('/predict', { inputs: 'good film' });
    for (const restarts of [1, 2]) {
      await waitFor(async () => (await target.metric('serval_workers')) === 1);
      // Attached when it is ready, and given the waiting item: it is in its 800 ms.
      await waitFor(async () => (await target.metric('serval_queue_items{model="slow",version="1"}')) === 0);
      const [pid = 0] = target.workerPids;
      process.kill(pid, 'SIGKILL');
      await waitFor(async () => (await target.metric('serval_worker_restarts_total')) === restarts);
    }
    expect(await answering).toMatchObject({ status: 500, body: { code: 'SERVAL_WORKER_LOST' } });
    const again = await target.post('/predict', { inputs: ['bad film', 'good film'] });
    expect(again).toMatchObject({ status: 422, body: { code: 'SERVAL_QUARANTINED', details: { input: 1 } } });
    expect(await target.predict({ inputs: 'bad film' })).toMatchObject({ model: 'slow' });
  });
});

test('a client that goes away takes its items out of the queue', async () => {
  const target = await start(10, { WORKERS: 1 });
  const running = target.post('/predict', { inputs: 'good' });
  await waitFor(async () => (await target.metric('serval_queue_items{model="slow",version="1"}')) === 0);
  const client = new AbortController();
  const waiting = target.post('/predict', { inputs: ['bad', 'film'] }, { signal: client.signal });
  await waitFor(async () => (await target.metric('serval_queue_items{model="slow",version="1"}')) === 2);
  client.abort();
  await expect(waiting).rejects.toThrow(/aborted/);
  const cancelled = 'serval_items_dropped_total{model="slow",version="1",reason="cancelled"}';
  await waitFor(async () => (await target.metric(cancelled)) === 2);
  expect(await target.metric('serval_queue_items{model="slow",version="1"}')).toBe(0);
  await waitFor(async () => (await target.metric(`serval_rejections_total{reason="${CLIENT_CLOSED}"}`)) === 1);
  expect((await running).status).toBe(200);
});

test('a full queue answers 429 with the time to come back, and serves what it took', async () => {
  const target = await start(10, { WORKERS: 1, MAX_QUEUE_ITEMS: 2, MAX_BATCH_ITEMS: 1 });
  const answers = await Promise.all(Array.from({ length: 8 }, () => target.post('/predict', { inputs: 'good' })));
  const served = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 429);
  expect(served).toHaveLength(3);
  expect(refused).toHaveLength(5);
  for (const { headers, body } of refused) {
    expect(body).toMatchObject({
      code: 'SERVAL_OVERLOADED',
      message: expect.stringContaining('send the request again in'),
    });
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  }
});

test('a full server still answers health checks and metrics, long before the requests that came first', async () => {
  const target = await start(10, { WORKERS: 2, MAX_BATCH_ITEMS: 1 });
  const statuses: number[] = [];
  const loading = load(target, 12, 12, statuses);
  await waitFor(async () => (await target.metric('serval_queue_items{model="slow",version="1"}')) > 0);
  expect((await target.get('/health/live')).status).toBe(200);
  expect((await target.get('/health/ready')).status).toBe(200);
  expect(statuses.length).toBeLessThan(6);
  expect(await loading).toEqual(Array.from({ length: 12 }, () => 200));
});

test('kill -9 of the main process leaves no worker behind', async () => {
  const target = await start(0);
  const workers = target.workerPids;
  expect(workers).toHaveLength(2);
  await target.kill();
  await waitFor(() => !workers.some(isAlive), 5_000);
});

test('kill -9 of the main process ends a worker that cannot see it within two seconds', async () => {
  const target = await start(0);
  const workers = target.workerPids;
  // As one in the middle of a long run, it does not get to look.
  for (const pid of workers) process.kill(pid, 'SIGSTOP');
  await target.kill();
  await waitFor(() => !workers.some(isAlive), 2_000);
});

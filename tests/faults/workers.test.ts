import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServalOptions, type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { goldenFile, writeTextModel } from '../fixtures/text-model.ts';

let models: string;
let serval: ServalProcess | null = null;

beforeEach(async () => {
  models = await makeFolder();
});

afterEach(async () => {
  await serval?.kill();
  await removeFolder(models);
});

async function start(settings: ServalOptions['settings'] = {}, slowness = 0): Promise<ServalProcess> {
  await writeTextModel(path.join(models, 'tiny'), {
    graph: { slowness },
    files: { 'golden.json': goldenFile(['good film']) },
  });
  serval = await startServal({ models, settings: { SHARE_IDENTICAL: 'false', ...settings } });
  return serval;
}

/** Requests on `connections` until the signal, with pauses that leave fresh workers time to start; gives the statuses of all. */
async function loadUntil(target: ServalProcess, over: AbortSignal, connections = 4): Promise<number[]> {
  const statuses: number[] = [];
  const client = async () => {
    while (!over.aborted) {
      statuses.push((await target.post('/predict', { inputs: 'good film' })).status);
      await delay(10);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return statuses;
}

describe('a worker that hangs (SIGSTOP)', () => {
  test('is killed, and its batch runs once more', async () => {
    const target = await start({ WORKERS: 1, RUN_TIMEOUT_MS: 400 });
    const [stopped = 0] = target.workerPids;
    process.kill(stopped, 'SIGSTOP');
    expect((await target.post('/predict', { inputs: 'good film' })).status).toBe(200);
    expect(target.workerPids).not.toContain(stopped);
    expect(target.logged('worker ended, it is replaced')).toEqual([expect.objectContaining({ hung: true })]);
  });

  test('twice under the same request answers it with 500 and a code of its own', async () => {
    const target = await start({ WORKERS: 1, RUN_TIMEOUT_MS: 3_000 }, 10);
    const answering = target.post('/predict', { inputs: 'good film' });
    for (const restarts of [1, 2]) {
      await waitFor(async () => (await target.metric('serval_workers')) === 1);
      // It has been given the item, and is in its 400 ms.
      await waitFor(async () => (await target.metric('serval_queue_items{model="tiny",version="1"}')) === 0);
      process.kill(target.workerPids[0] ?? 0, 'SIGSTOP');
      await waitFor(async () => (await target.metric('serval_worker_restarts_total')) === restarts);
    }
    expect(await answering).toMatchObject({ status: 500, body: { code: 'SERVAL_RUN_TIMEOUT' } });
    expect((await target.post('/predict', { inputs: 'bad film' })).status).toBe(200);
  });

  test('beside others is not waited for: they answer what comes meanwhile', async () => {
    const target = await start({ WORKERS: 2, RUN_TIMEOUT_MS: 1_000 });
    const [stopped = 0] = target.workerPids;
    process.kill(stopped, 'SIGSTOP');
    const answers = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const begun = performance.now();
        const { status } = await target.post('/predict', { inputs: 'good film' });
        return { status, ms: performance.now() - begun };
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.filter(({ ms }) => ms < 1_000).length).toBeGreaterThan(20);
  });
});

describe('a worker at its limit', () => {
  test('of batches is replaced while it serves, one at a time, and no request is lost', async () => {
    const target = await start({ WORKERS: 2, RECYCLE_BATCHES: 50, MAX_BATCH_ITEMS: 1 });
    const before = target.workerPids;
    const over = new AbortController();
    const loading = loadUntil(target, over.signal);
    let fewest = 2;
    await waitFor(async () => {
      fewest = Math.min(fewest, await target.metric('serval_workers'));
      return (await target.metric('serval_workers_replaced_total{reason="batches"}')) >= 4;
    });
    over.abort();
    const statuses = await loading;
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(fewest).toBe(2);
    expect(target.workerPids.filter((pid) => before.includes(pid))).toEqual([]);
    expect(await target.metric('serval_worker_restarts_total')).toBe(0);
    // Fresh ones start behind those that serve, and are their equals when they do.
    await waitFor(() => target.workerPids.length === 2 && target.workerPids.every((pid) => os.getPriority(pid) === 5));
  });
});

test('a spare takes the place of a worker that ends, and a new spare is started', async () => {
  const target = await start({ WORKERS: 1, SPARE_WORKERS: 1 });
  await waitFor(async () => (await target.metric('serval_worker_cpu_seconds{worker="2"}')) > 0);
  const [serving = 0, spare = 0] = target.workerPids;
  process.kill(serving, 'SIGSEGV');
  const begun = performance.now();
  await waitFor(() => !target.workerPids.includes(serving));
  expect((await target.post('/predict', { inputs: 'good film' })).status).toBe(200);
  expect(performance.now() - begun).toBeLessThan(300);
  expect(target.workerPids).toContain(spare);
  await waitFor(() => target.workerPids.length === 2);
});

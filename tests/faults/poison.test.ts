import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServalOptions, type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { goldenFile, writeTextModel } from '../fixtures/text-model.ts';

/** The graph multiplies matrices as large as a word of its input says: one word makes a worker hang, or take much memory. */

let models: string;
let serval: ServalProcess | null = null;

beforeEach(async () => {
  models = await makeFolder();
});

afterEach(async () => {
  await serval?.kill();
  await removeFolder(models);
});

async function start(fineEdge: number, settings: NonNullable<ServalOptions['settings']>): Promise<ServalProcess> {
  const files = { 'golden.json': goldenFile(['good film']) };
  await writeTextModel(path.join(models, 'tiny'), { graph: { fineEdge }, files });
  serval = await startServal({ models, settings });
  return serval;
}

test('a poison item in a batch with others fails alone, and is refused when it comes again', async () => {
  const target = await start(6_000, { WORKERS: 1, RUN_TIMEOUT_MS: 1_500, MAX_TIMEOUT_MS: 60_000 });
  const post = (inputs: string) => target.post('/predict', { inputs, parameters: { timeout_ms: 60_000 } });
  const [worker = 0] = target.workerPids;
  process.kill(worker, 'SIGSTOP');
  // The first is with the stopped worker, so that the others wait, and run together.
  const first = post('good good');
  const others = ['good', 'bad', 'fine film', 'bad film', 'film'].map(post);
  await waitFor(async () => (await target.metric('serval_queue_items{model="tiny",version="1"}')) === 5);
  process.kill(worker, 'SIGCONT');
  const answers = await Promise.all(others);
  expect((await first).status).toBe(200);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 500, 200, 200]);
  expect(answers[2]?.body).toMatchObject({ code: 'SERVAL_RUN_TIMEOUT' });
  expect(await post('fine film')).toMatchObject({ status: 422, body: { code: 'SERVAL_QUARANTINED' } });
  expect((await post('bad film')).status).toBe(200);
  // Twice together, once in a half, twice alone.
  expect(await target.metric('serval_worker_restarts_total')).toBe(5);
});

test('a worker whose memory grows beyond the ceiling is replaced', async () => {
  const target = await start(3_000, { WORKERS: 1, RECYCLE_BYTES: 150_000_000 });
  const before = target.workerPids;
  expect((await target.post('/predict', { inputs: 'fine film' })).status).toBe(200);
  await waitFor(async () => (await target.metric('serval_workers_replaced_total{reason="memory"}')) === 1);
  await waitFor(() => !target.workerPids.some((pid) => before.includes(pid)));
  expect((await target.post('/predict', { inputs: 'good film' })).status).toBe(200);
});

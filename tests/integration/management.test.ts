import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Answer,
  type ServalOptions,
  type ServalProcess,
  startServal,
  waitFor,
} from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { CONFIG, goldenFile, writeFiles, writeTextModel } from '../fixtures/text-model.ts';

const TOKEN = 'a-token-for-the-tests';
const GOLDEN = { 'golden.json': goldenFile(['good film', 'bad film']) };

let models: string;
let serval: ServalProcess | null = null;

beforeEach(async () => {
  models = await makeFolder();
  await writeVersion(1, 'one');
});

afterEach(async () => {
  await serval?.kill();
  serval = null;
  await removeFolder(models);
});

function folderOf(version: number): string {
  return path.join(models, 'tiny', String(version));
}

/** @param mark stands in each label, so that an answer tells which bytes gave it. */
async function writeVersion(version: number, mark: string, files: Record<string, object | string> = GOLDEN) {
  const id2label = { 0: `negative-${mark}`, 1: `neutral-${mark}`, 2: `positive-${mark}` };
  await writeTextModel(folderOf(version), { config: { ...CONFIG, id2label }, files });
}

async function start(settings: ServalOptions['settings'] = {}): Promise<ServalProcess> {
  serval = await startServal({ models, settings: { ADMIN_TOKEN: TOKEN, ...settings } });
  return serval;
}

function manage(target: ServalProcess, route: string, token = TOKEN): Promise<Answer> {
  return target.post(route, {}, { headers: { authorization: `Bearer ${token}` } });
}

/** The best label, and the version that gave it. */
async function answer(target: ServalProcess, route = '/models/tiny/predict') {
  const { version, predictions } = await target.predict({ inputs: 'good film' }, route);
  return [version, predictions[0]?.label];
}

describe('management is guarded', () => {
  test('it is off without a token of the server’s', async () => {
    const target = await start({ ADMIN_TOKEN: '' });
    expect(await manage(target, '/repository/reload')).toMatchObject({
      status: 403,
      body: { code: 'SERVAL_MANAGEMENT_OFF' },
    });
  });

  test('it takes no other token, and every call is in the log', async () => {
    const target = await start();
    for (const token of ['', 'wrong', `${TOKEN}x`]) {
      const refused = await manage(target, '/models/tiny/versions/1/unload', token);
      expect(refused).toMatchObject({ status: 401, body: { code: 'SERVAL_UNAUTHORIZED' } });
      expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect((await manage(target, '/repository/reload')).status).toBe(200);
    await waitFor(() => target.logged('management').length >= 4);
    expect(target.logged('management').map(({ allowed }) => allowed)).toEqual([false, false, false, true]);
    expect(target.output).not.toContain(TOKEN);
  });
});

describe('load', () => {
  test('brings a new version to service, which then answers', async () => {
    const target = await start();
    const workers = target.workerPids;
    await writeVersion(2, 'two');
    expect(await answer(target)).toEqual([1, 'positive-one']);
    const loaded = await manage(target, '/models/tiny/versions/2/load');
    expect(loaded).toMatchObject({ status: 200, body: { action: 'loaded', state: 'ready' } });
    expect(await answer(target)).toEqual([2, 'positive-two']);
    expect(await answer(target, '/models/tiny/versions/1/predict')).toEqual([1, 'positive-one']);
    await waitFor(() => !target.workerPids.some((pid) => workers.includes(pid)));
  });

  test('of a version that fails its golden samples leaves what is served, and says why', async () => {
    const target = await start();
    await writeVersion(2, 'two', { 'golden.json': { ...goldenFile(['good film']), tolerance: 1e-9 } });
    const wrong = { reference: 'wrong', tolerance: 0.01, samples: [{ input: 'good film', scores: [1, 0, 0] }] };
    await writeFile(path.join(folderOf(2), 'golden.json'), JSON.stringify(wrong));
    const refused = await manage(target, '/models/tiny/versions/2/load');
    expect(refused).toMatchObject({ status: 409, body: { code: 'SERVAL_VERSION_REFUSED' } });
    expect(await answer(target)).toEqual([1, 'positive-one']);
    expect((await target.get('/models/tiny')).body).toMatchObject({
      served_version: 1,
      versions: [{ state: 'ready' }, { state: 'failed', reason: expect.stringContaining('golden sample') }],
    });
    expect(await target.metric('serval_version_failures_total{model="tiny",version="2"}')).toBe(1);
    expect(await target.whenLogged('version failed')).toMatchObject({ version: 2 });
  });

  test('of a version that is not there is refused', async () => {
    const target = await start();
    const refused = await manage(target, '/models/tiny/versions/7/load');
    expect(refused).toMatchObject({ status: 404, body: { code: 'SERVAL_VERSION_NOT_FOUND' } });
  });
});

describe('files overwritten in place', () => {
  test('change nothing until a reload, a worker that crashes meanwhile included', async () => {
    const target = await start({ WORKERS: 1 });
    await writeVersion(1, 'changed');
    await writeFile(path.join(folderOf(1), 'model.onnx'), 'no model at all');
    process.kill(target.workerPids[0] ?? 0, 'SIGSEGV');
    await waitFor(async () => (await target.metric('serval_worker_restarts_total')) === 1);
    expect(await answer(target)).toEqual([1, 'positive-one']);
    expect((await manage(target, '/repository/reload')).body).toMatchObject({
      changes: [{ action: 'refused', state: 'ready', reason: expect.stringContaining('model.onnx') }],
    });
    expect(await answer(target)).toEqual([1, 'positive-one']);
    expect((await target.get('/models/tiny')).body).toMatchObject({
      versions: [{ state: 'ready', refused_update: expect.stringContaining('model.onnx') }],
    });
    await writeVersion(1, 'changed');
    expect((await manage(target, '/repository/reload')).body).toMatchObject({ changes: [{ action: 'loaded' }] });
    expect(await answer(target)).toEqual([1, 'positive-changed']);
    expect((await manage(target, '/repository/reload')).body).toMatchObject({ changes: [{ action: 'unchanged' }] });
  });
});

describe('promote, unpin and unload', () => {
  test('roll back, and forward again', async () => {
    await writeVersion(2, 'two');
    const target = await start();
    expect(await answer(target)).toEqual([2, 'positive-two']);
    expect((await manage(target, '/models/tiny/versions/1/promote')).body).toMatchObject({ action: 'promoted' });
    expect(await answer(target)).toEqual([1, 'positive-one']);
    expect((await target.get('/models/tiny')).body).toMatchObject({ served_version: 1, pinned_version: 1 });
    await writeVersion(3, 'three');
    await manage(target, '/repository/reload');
    expect(await answer(target)).toEqual([1, 'positive-one']);
    expect((await manage(target, '/models/tiny/unpin')).body).toEqual({ model: 'tiny', served_version: 3 });
    expect(await answer(target)).toEqual([3, 'positive-three']);
    expect((await manage(target, '/models/tiny/versions/3/unload')).body).toMatchObject({ state: 'unloaded' });
    expect(await answer(target)).toEqual([2, 'positive-two']);
    // By hand it was unloaded, by hand it comes back.
    await manage(target, '/repository/reload');
    expect(await answer(target)).toEqual([2, 'positive-two']);
    await manage(target, '/models/tiny/versions/3/load');
    expect(await answer(target)).toEqual([3, 'positive-three']);
  });

  test('what was unloaded comes back at once, in the same workers', async () => {
    await writeVersion(2, 'two');
    const target = await start();
    const pids = target.workerPids;
    for (let k = 0; k < 2; k++) {
      await manage(target, '/models/tiny/versions/2/unload');
      expect(await answer(target)).toEqual([1, 'positive-one']);
      await manage(target, '/models/tiny/versions/2/load');
      expect(await answer(target)).toEqual([2, 'positive-two']);
    }
    expect(target.workerPids).toEqual(pids);
  });

  test('workers go on without what was unloaded, when it was kept for long enough', async () => {
    await writeVersion(2, 'two');
    const target = await start({ KEEP_UNLOADED_MS: 200 });
    const [pid = 0] = target.workerPids;
    await manage(target, '/models/tiny/versions/2/unload');
    expect(target.workerPids).toContain(pid);
    await waitFor(async () => !target.workerPids.includes(pid));
    expect(await answer(target)).toEqual([1, 'positive-one']);
    await manage(target, '/models/tiny/versions/2/load');
    expect(await answer(target)).toEqual([2, 'positive-two']);
  });

  test('a version that is not ready cannot be promoted', async () => {
    const target = await start();
    expect(await manage(target, '/models/tiny/versions/2/promote')).toMatchObject({ status: 404 });
  });
});

test('swapping versions under load loses no request, and every answer is of the version that it names', async () => {
  await writeVersion(2, 'two');
  const target = await start({ WORKERS: 2, SHARE_IDENTICAL: 'false', KEEP_UNLOADED_MS: 0 });
  const over = new AbortController();
  const wrong: unknown[] = [];
  let answered = 0;
  const client = async () => {
    while (!over.signal.aborted) {
      const [version, label] = await answer(target).catch((error: unknown) => [0, error]);
      if (label !== (version === 1 ? 'positive-one' : 'positive-two')) wrong.push([version, label]);
      answered += 1;
      // Fresh workers start in the time that others leave: load-tests/swaps.ts leaves them none.
      await delay(10);
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  for (let swap = 0; swap < 3; swap++) {
    expect((await manage(target, '/models/tiny/versions/2/unload')).status).toBe(200);
    expect((await manage(target, '/models/tiny/versions/2/load')).status).toBe(200);
  }
  over.abort();
  await clients;
  expect(wrong).toEqual([]);
  expect(answered).toBeGreaterThan(20);
});

describe('a models folder that is watched', () => {
  test('a new version is served, a half-copied one is not, and a deleted one is drained', async () => {
    const target = await start({ WATCH_MS: 100 });
    const graph = await readFile(path.join(folderOf(1), 'model.onnx'));
    await cp(folderOf(1), folderOf(2), { recursive: true });
    await writeFile(path.join(folderOf(2), 'model.onnx'), graph.subarray(0, graph.byteLength / 2));
    await waitFor(async () => JSON.stringify((await target.get('/models/tiny')).body).includes('cut short'));
    expect(await answer(target)).toEqual([1, 'positive-one']);
    await writeFile(path.join(folderOf(2), 'model.onnx'), graph);
    await waitFor(async () => (await answer(target))[0] === 2);
    await rm(folderOf(2), { recursive: true });
    await waitFor(async () => (await answer(target))[0] === 1);
    await waitFor(async () => {
      const { versions } = (await target.get('/models/tiny')).body as { versions: unknown[] };
      return versions.length === 1;
    });
  });

  test('a version whose labels change in place is served with the new ones', async () => {
    const target = await start({ WATCH_MS: 100 });
    await writeFiles(folderOf(1), { 'config.json': { ...CONFIG, id2label: { 0: 'a', 1: 'b', 2: 'c' } } });
    await waitFor(async () => (await answer(target))[1] === 'c');
  });
});

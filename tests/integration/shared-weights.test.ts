import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder, temporaryFolder } from '../fixtures/temporary-folder.ts';

const BUNDLED = fileURLToPath(new URL('../../models/', import.meta.url));
const TEXT = 'The plot drags, but the acting is superb.';
const WRITTEN = 'weights to share are in the cache';

let folder: string;
let models: string;
let cacheDir: string;

beforeAll(async () => {
  folder = await makeFolder();
  models = path.join(folder, 'models');
  cacheDir = path.join(folder, 'cache');
  for (const version of ['sentiment/2', 'mnist/2']) {
    await cp(path.join(BUNDLED, version), path.join(models, version), { recursive: true });
  }
});

afterAll(() => removeFolder(folder));

async function start(settings: Record<string, string> = {}): Promise<ServalProcess> {
  const serval = await startServal({ models, settings: { CACHE_DIR: cacheDir, LOG_LEVEL: 'info', ...settings } });
  onTestFinished(() => serval.kill());
  return serval;
}

/** How many of the server's workers have each model's shared weights in their memory. */
async function sharers({ workerPids }: ServalProcess): Promise<number[]> {
  const maps = await Promise.all(workerPids.map((pid) => readFile(`/proc/${pid}/maps`, 'utf8')));
  const entries = new Set(maps.flatMap((text) => text.match(/\S+weights\.bin/g) ?? []));
  return [...entries].map((entry) => maps.filter((text) => text.includes(entry)).length);
}

async function scoresOf(serval: ServalProcess) {
  return (await serval.predict({ model: 'sentiment', inputs: TEXT })).predictions;
}

test('the first start serves without shared weights and writes them; the next start’s workers share them', async () => {
  const first = await start();
  const own = await scoresOf(first);
  expect(await sharers(first)).toEqual([]);
  await first.whenLogged(WRITTEN);
  await first.stop();

  const second = await start();
  expect(await scoresOf(second)).toEqual(own);
  expect(await sharers(second)).toEqual([2, 2]);
  expect(second.logged(WRITTEN)).toEqual([]);
});

test('a worker that takes another’s place after the first start shares what was written meanwhile', async () => {
  const serval = await start({ CACHE_DIR: path.join(await temporaryFolder(), 'cache') });
  await serval.whenLogged(WRITTEN);
  const [victim = 0] = serval.workerPids;
  process.kill(victim, 'SIGKILL');
  await expect.poll(() => sharers(serval), { timeout: 30_000, interval: 100 }).toEqual([1, 1]);
});

test('damaged weights are not used: the answers are right, and the next start has them whole again', async () => {
  const weights = path.join(cacheDir, 'weights');
  for (const entry of await readdir(weights)) {
    const file = path.join(weights, entry, 'weights.bin');
    const bytes = await readFile(file);
    bytes.fill(1, bytes.length >> 1);
    await writeFile(file, bytes);
  }
  const damaged = await start();
  const { predictions } = await damaged.predict({ model: 'sentiment', inputs: TEXT });
  expect(await sharers(damaged)).toEqual([]);
  expect(damaged.logged('shared weights are damaged')).toHaveLength(2);
  await damaged.whenLogged(WRITTEN);
  await damaged.stop();

  const mended = await start();
  expect(await sharers(mended)).toEqual([2, 2]);
  expect(await scoresOf(mended)).toEqual(predictions);
});

test('a cache that cannot be written is one line in the log', async () => {
  const file = path.join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  const serval = await start({ CACHE_DIR: file });
  const record = await serval.whenLogged('weights cannot be shared: each worker keeps its own, see SERVAL_CACHE_DIR');
  expect(Object.keys(record.problems as object)).toHaveLength(2);
  expect(await scoresOf(serval)).toHaveLength(1);
  expect(serval.logged(record.msg)).toHaveLength(1);
});

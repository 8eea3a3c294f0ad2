import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { onnxFile } from '../fixtures/onnx-file.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { goldenFile, textGraph, writeTextModel } from '../fixtures/text-model.ts';

const TOKEN = 'a-token-for-the-tests';

let models: string;
let serval: ServalProcess | null = null;

beforeEach(async () => {
  models = await makeFolder();
  const files = { 'golden.json': goldenFile(['good film', 'bad film']) };
  await writeTextModel(path.join(models, 'tiny', '1'), { files });
});

afterEach(async () => {
  await serval?.kill();
  serval = null;
  await removeFolder(models);
});

const original = () => readFile(path.join(models, 'tiny', '1', 'model.onnx'));

test.each([
  ['cut short', async () => (await original()).subarray(0, 200), /model\.onnx/],
  ['empty', async () => new Uint8Array(), /model\.onnx/],
  ['swapped for one of another kind', () => readFile('models/mnist/2/model.onnx'), /model\.onnx/],
  ['swapped for one with other weights', async () => onnxFile(textGraph({ ending: 'Neg' })), /golden sample/],
  ['swapped for one with more labels than are named', async () => onnxFile(textGraph({ labels: 5 })), /labels/],
] as const)('a version whose graph is %s is never served, and says why', async (_, bytes, reason) => {
  serval = await startServal({ models, settings: { WORKERS: 1, ADMIN_TOKEN: TOKEN } });
  await cp(path.join(models, 'tiny', '1'), path.join(models, 'tiny', '2'), { recursive: true });
  await writeFile(path.join(models, 'tiny', '2', 'model.onnx'), await bytes());
  const headers = { authorization: `Bearer ${TOKEN}` };
  const refused = await serval.post('/models/tiny/versions/2/load', {}, { headers });
  expect(refused).toMatchObject({ status: 409, body: { message: expect.stringMatching(reason) } });
  expect(await serval.predict({ inputs: 'good film' })).toMatchObject({ version: 1 });
  const named = await serval.post('/models/tiny/versions/2/predict', { inputs: 'good film' });
  expect(named).toMatchObject({ status: 503, body: { code: 'SERVAL_VERSION_NOT_READY' } });
});

/** Whether this user may mount file systems. */
function mountTiny(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a version whose private copy finds no room is failed with the reason, and the others are served', async (context) => {
  const snapshots = path.join(models, '.snapshots');
  await mkdir(snapshots);
  if (!mountTiny(snapshots)) {
    context.skip('mounting is not permitted here');
    return;
  }
  try {
    await cp('models/mnist/2', path.join(models, 'digits', '1'), { recursive: true });
    serval = await startServal({ models, settings: { WORKERS: 1, SNAPSHOT_DIR: snapshots } });
    expect(await serval.predict({ inputs: 'good film' })).toMatchObject({ model: 'tiny' });
    expect((await serval.get('/models/digits')).body).toMatchObject({
      versions: [{ state: 'failed', reason: expect.stringContaining('ENOSPC') }],
    });
    await serval.stop();
  } finally {
    await serval?.kill();
    execFileSync('umount', ['-l', snapshots]);
  }
});

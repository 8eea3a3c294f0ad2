import path from 'node:path';
import { expect, test } from 'vitest';
import { versionKey } from '../../src/repository/manifest.ts';
import { ModelRepository } from '../../src/repository/model-repository.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { writeFiles, writeTextModel } from '../fixtures/text-model.ts';

const VERIFICATION = { golden: null, batching: 'invariant', largestBatchMove: 0, seconds: 0 } as const;

/** A repository of `tiny/1`, `tiny/2` and `tiny/3`, the versions given ready. */
async function repositoryWith(...ready: number[]): Promise<ModelRepository> {
  const root = await temporaryFolder();
  for (const version of [1, 2, 3]) await writeTextModel(path.join(root, 'tiny', String(version)));
  const repository = new ModelRepository(root);
  await repository.read();
  for (const record of repository.records) {
    if (!ready.includes(record.version)) continue;
    record.moveTo('verifying');
    record.becomeReady(VERIFICATION);
  }
  return repository;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return String((error as { code?: string }).code);
  }
  return 'no error';
}

test('the highest ready version is served', async () => {
  const repository = await repositoryWith(1, 2);
  expect(repository.resolve('tiny', null).record.version).toBe(2);
});

test('an older version can be named', async () => {
  const repository = await repositoryWith(1, 2);
  expect(repository.resolve('tiny', 1).record.version).toBe(1);
});

test('an unknown model, an unknown version and one that is not ready are told apart', async () => {
  const repository = await repositoryWith(1);
  expect(codeOf(() => repository.resolve('other', null))).toBe('SERVAL_MODEL_NOT_FOUND');
  expect(codeOf(() => repository.resolve('tiny', 9))).toBe('SERVAL_VERSION_NOT_FOUND');
  expect(codeOf(() => repository.resolve('tiny', 3))).toBe('SERVAL_VERSION_NOT_READY');
});

test('a name’s key is that of the version which it means, and none where that does not serve', async () => {
  const repository = await repositoryWith(1, 2);
  const keys = [1, 2].map((version) => versionKey(repository.resolve('tiny', version).manifest));
  expect([1, 2, 3, 9, null].map((version) => repository.keyOf('tiny', version))).toEqual([
    ...keys,
    null,
    null,
    keys[1],
  ]);
  expect(repository.keyOf('tiny.graph', null)).toBe(keys[1]);
  expect(repository.keyOf('other', null)).toBeNull();
  expect((await repositoryWith()).keyOf('tiny', null)).toBeNull();
});

test('a model without a ready version is not ready', async () => {
  const repository = await repositoryWith();
  expect(repository.anyReady).toBe(false);
  expect(codeOf(() => repository.resolve('tiny', null))).toBe('SERVAL_VERSION_NOT_READY');
});

test('a folder that is wrong fails its version and leaves the others alone', async () => {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'));
  await writeFiles(path.join(root, 'tiny', '2'), { 'config.json': '{' });
  const repository = new ModelRepository(root);
  await repository.read();
  expect(repository.records.map(({ version, state }) => [version, state])).toEqual([
    [1, 'loading'],
    [2, 'failed'],
  ]);
  expect(repository.records[1]?.reason).toContain('config.json: is not valid JSON');
});

test('records are sorted by model, then by number', async () => {
  const root = await temporaryFolder();
  for (const folder of ['b/2', 'b/10', 'a']) await writeTextModel(path.join(root, folder));
  const repository = new ModelRepository(root);
  await repository.read();
  expect(repository.records.map(({ model, version }) => `${model}/${version}`)).toEqual(['a/1', 'b/2', 'b/10']);
});

test('a pinned version is served while it is ready, whatever higher ones there are', async () => {
  const repository = await repositoryWith(1, 2, 3);
  repository.pin('tiny', 1);
  expect(repository.resolve('tiny', null).record.version).toBe(1);
  repository.resolve('tiny', 1).record.moveTo('draining');
  expect(repository.resolve('tiny', null).record.version).toBe(3);
  repository.pin('tiny', null);
  expect(repository.pinned('tiny')).toBeNull();
});

test('a file beside the graph that changes makes another version of the same number', async () => {
  const root = await temporaryFolder();
  const folder = path.join(root, 'tiny', '1');
  await writeTextModel(folder);
  const repository = new ModelRepository(root);
  const location = { root, folder, model: 'tiny', version: 1 };
  const before = await repository.readVersion(location);
  expect((await repository.readVersion(location)).manifest?.digest).toBe(before.manifest?.digest);
  await writeFiles(folder, { 'tokenizer_config.json': { model_max_length: 32 } });
  const after = await repository.readVersion(location);
  expect(after.manifest?.digest).not.toBe(before.manifest?.digest);
  expect(after.manifest?.provenance.sha256).toBe(before.manifest?.provenance.sha256);
});

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listVersions } from '../../src/repository/models-folder.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { writeFiles } from '../fixtures/text-model.ts';

async function listing(...folders: string[]) {
  const root = await temporaryFolder();
  for (const folder of folders) await mkdir(path.join(root, folder), { recursive: true });
  const { versions, problems } = await listVersions(root);
  return { versions: versions.map(({ model, version }) => `${model}/${version}`), problems };
}

test('versions come in the order of their numbers', async () => {
  const { versions } = await listing('sentiment/10', 'sentiment/9', 'sentiment/1');
  expect(versions).toEqual(['sentiment/1', 'sentiment/9', 'sentiment/10']);
});

test('a folder without version folders is version 1 itself', async () => {
  const { versions } = await listing('export/onnx');
  expect(versions).toEqual(['export/1']);
});

test('folders that are no positive whole numbers are no versions', async () => {
  const { versions } = await listing('m/2', 'm/0', 'm/01', 'm/latest', 'm/-3');
  expect(versions).toEqual(['m/2']);
});

test('hidden folders and plain files are passed over', async () => {
  const root = await temporaryFolder();
  await writeFiles(root, { '.git/config': 'x', 'README.md': 'x' });
  expect(await listVersions(root)).toEqual({ versions: [], problems: [] });
});

test('a folder whose name cannot be a model’s is told', async () => {
  const { versions, problems } = await listing('my model/1');
  expect(versions).toEqual([]);
  expect(problems).toEqual([expect.stringMatching(/^my model: not a model name/)]);
});

test('a models folder that is not there is an error', async () => {
  await expect(listVersions(path.join(await temporaryFolder(), 'nowhere'))).rejects.toThrow(/ENOENT/);
});

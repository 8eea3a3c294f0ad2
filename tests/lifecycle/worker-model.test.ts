import path from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { workerModel } from '../../src/lifecycle/worker-model.ts';
import type { Manifest } from '../../src/repository/manifest.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { readTextModel, writeTextModel } from '../fixtures/text-model.ts';

/** What the setting, serval.json and the graph make of each other where there are GPUs. */
test.each([
  ['auto', 'auto', false, 'cuda'],
  ['auto', 'auto', true, 'cpu'],
  ['auto', 'cuda', true, 'cuda'],
  ['auto', 'cpu', false, 'cpu'],
  ['cuda', 'auto', true, 'cuda'],
  ['cuda', 'cpu', false, 'cpu'],
  ['cpu', 'cuda', false, 'cpu'],
] as const)(
  'the setting %s, a model of %s, quantised for CPUs %s: %s',
  async (setting, own, needsCpuKernels, provider) => {
    const manifest = { ...(await textManifest()), executionProvider: own, needsCpuKernels };
    const config = parseConfig({ SERVAL_EXECUTION_PROVIDER: setting });
    expect(workerModel(manifest, config, true).provider).toBe(provider);
    expect(workerModel(manifest, config, false).provider).toBe('cpu');
  },
);

test('shared weights are laid out for the CPU: on CUDA there are none', async () => {
  const config = parseConfig({ SERVAL_CACHE_DIR: '/cache' });
  const manifest = await textManifest();
  expect(workerModel(manifest, config, true).cache).toBeNull();
  expect(workerModel(manifest, config, false).cache).not.toBeNull();
});

test('a worker is warmed up with the widest batch that what it runs on will get', async () => {
  const config = parseConfig({});
  const manifest = await textManifest();
  const widest = (hasCuda: boolean) => workerModel(manifest, config, hasCuda).warmUp.at(-1)?.length;
  expect([widest(false), widest(true)]).toEqual([16, 128]);
});

async function textManifest(): Promise<Manifest> {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny/1'));
  return readTextModel(root);
}

import { readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { WeightsCache } from '../../src/workers/weights-cache.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const SHA256 = 'a'.repeat(64);
const MONTH_MS = 31 * 86_400_000;

async function write(folder: string): Promise<void> {
  await writeFile(path.join(folder, 'model.onnx'), 'graph');
  await writeFile(path.join(folder, 'weights.bin'), Buffer.alloc(3_000_000, 7));
}

/** A cache with one entry, and the entry's folder. */
async function filled() {
  const folder = path.join(await temporaryFolder(), 'weights');
  const cache = new WeightsCache(folder, 'a runtime on a machine');
  await cache.add(SHA256, write);
  const [name = ''] = await readdir(folder);
  return { cache, folder, entry: path.join(folder, name) };
}

test('what was added is found, whole', async () => {
  const { cache, entry } = await filled();
  expect(await cache.find(SHA256)).toEqual({ state: 'intact', modelFile: path.join(entry, 'model.onnx') });
  expect((await readdir(entry)).sort()).toEqual(['checksums.json', 'model.onnx', 'weights.bin']);
});

test('other models, runtimes and machines have entries of their own', async () => {
  const { cache, folder } = await filled();
  expect(await cache.find('b'.repeat(64))).toEqual({ state: 'absent' });
  expect(await new WeightsCache(folder, 'another machine').find(SHA256)).toEqual({ state: 'absent' });
});

test('a folder that is not there is an empty cache', async () => {
  const cache = new WeightsCache(path.join(await temporaryFolder(), 'none'), '');
  expect(await cache.find(SHA256)).toEqual({ state: 'absent' });
});

const DAMAGE: Readonly<Record<string, (entry: string) => Promise<void>>> = {
  'one other byte': async (entry) => {
    const bytes = await readFile(path.join(entry, 'weights.bin'));
    bytes[2_500_000] = 8;
    await writeFile(path.join(entry, 'weights.bin'), bytes);
  },
  'a cut file': (entry) => truncate(path.join(entry, 'weights.bin'), 1_000_000),
  'a missing file': (entry) => rm(path.join(entry, 'weights.bin')),
  'no checksums': (entry) => rm(path.join(entry, 'checksums.json')),
  'checksums of nothing': (entry) => writeFile(path.join(entry, 'checksums.json'), '{"files":{"model.onnx":null}}'),
  'checksums without files': (entry) => writeFile(path.join(entry, 'checksums.json'), 'null'),
  'checksums that are none': (entry) => writeFile(path.join(entry, 'checksums.json'), '{"files":{}}'),
};

test.each(Object.entries(DAMAGE))('%s is damage, and mended by adding the entry again', async (_, damage) => {
  const { cache, entry } = await filled();
  await damage(entry);
  expect(await cache.find(SHA256)).toEqual({ state: 'damaged' });
  await cache.add(SHA256, write);
  expect(await cache.find(SHA256)).toMatchObject({ state: 'intact' });
});

test('a process that has an old entry open keeps reading it while a new one takes its place', async () => {
  const { cache, entry } = await filled();
  const { open } = await import('node:fs/promises');
  const file = await open(path.join(entry, 'weights.bin'));
  await cache.add(SHA256, async (folder) => {
    await writeFile(path.join(folder, 'model.onnx'), 'graph');
    await writeFile(path.join(folder, 'weights.bin'), Buffer.alloc(3_000_000, 9));
  });
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 2_999_996);
  await file.close();
  expect([...buffer]).toEqual([7, 7, 7, 7]);
});

test('what could not be written leaves nothing behind', async () => {
  const { cache, folder } = await filled();
  const adding = cache.add('b'.repeat(64), async (unfinished) => {
    await write(unfinished);
    throw new Error('the disk is full');
  });
  await expect(adding).rejects.toThrow('the disk is full');
  expect(await readdir(folder)).toHaveLength(1);
});

test('what was not used for a month goes, what is used stays', async () => {
  const { cache, folder, entry } = await filled();
  await cache.add('b'.repeat(64), write);
  const old = new Date(Date.now() - MONTH_MS);
  await utimes(path.join(entry, 'checksums.json'), old, old);
  await cache.prune();
  expect(await readdir(folder)).toHaveLength(1);
  expect(await cache.find(SHA256)).toEqual({ state: 'absent' });
  expect(await cache.find('b'.repeat(64))).toMatchObject({ state: 'intact' });
});

test('finding an entry is using it', async () => {
  const { cache, entry } = await filled();
  const old = new Date(Date.now() - MONTH_MS);
  await utimes(path.join(entry, 'checksums.json'), old, old);
  await cache.find(SHA256);
  await cache.prune();
  expect(await cache.find(SHA256)).toMatchObject({ state: 'intact' });
});

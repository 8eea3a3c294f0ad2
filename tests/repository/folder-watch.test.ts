import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { FolderWatch } from '../../src/repository/folder-watch.ts';
import { waitFor } from '../fixtures/serval-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const EVERY_MS = 50;

/** Watches a folder with `tiny/1`; counts how often a change was told. */
async function watching() {
  const folder = await temporaryFolder();
  await writeTextModel(path.join(folder, 'tiny', '1'));
  const told = { times: 0 };
  const watch = new FolderWatch({
    folder,
    everyMs: EVERY_MS,
    changed: async () => {
      told.times += 1;
    },
  });
  await watch.start();
  onTestFinished(() => watch.stop());
  return { folder, told };
}

test('what is there at the start is no change', async () => {
  const { told } = await watching();
  await delay(5 * EVERY_MS);
  expect(told.times).toBe(0);
});

test('a new version, a changed file and a deleted version are each told once', async () => {
  const { folder, told } = await watching();
  await writeTextModel(path.join(folder, 'tiny', '2'));
  await waitFor(() => told.times === 1);
  await writeFile(path.join(folder, 'tiny', '2', 'config.json'), '{}');
  await waitFor(() => told.times === 2);
  await rm(path.join(folder, 'tiny', '2'), { recursive: true });
  await waitFor(() => told.times === 3);
  await delay(5 * EVERY_MS);
  expect(told.times).toBe(3);
});

test('files that are still being written are waited for', async () => {
  const { folder, told } = await watching();
  const file = path.join(folder, 'tiny', '1', 'copy.bin');
  for (let bytes = 1; bytes <= 20; bytes++) {
    await writeFile(file, new Uint8Array(bytes));
    await delay(EVERY_MS / 5);
  }
  await waitFor(() => told.times === 1);
});

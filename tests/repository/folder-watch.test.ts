import { rename, truncate } from 'node:fs/promises';
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

// What comes and goes in one step is one change, however slow the machine; what is still being written: settled-watch.
test('a new version, a changed file and a deleted version are each told once', async () => {
  const { folder, told } = await watching();
  const [elsewhere, version] = [path.join(await temporaryFolder(), '2'), path.join(folder, 'tiny', '2')];
  await writeTextModel(elsewhere);
  await rename(elsewhere, version);
  await waitFor(() => told.times === 1);
  await truncate(path.join(version, 'config.json'), 2);
  await waitFor(() => told.times === 2);
  await rename(version, elsewhere);
  await waitFor(() => told.times === 3);
  await delay(5 * EVERY_MS);
  expect(told.times).toBe(3);
});

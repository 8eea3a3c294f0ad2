import { readFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { FileWatch } from '../../src/security/file-watch.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const EVERY_MS = 20;

/** What the file held each time that a change was told. */
function watch(file: string): readonly string[] {
  const told: string[] = [];
  const watched = new FileWatch({
    files: [file],
    everyMs: EVERY_MS,
    changed: () => told.push(readFileSync(file, 'utf8')),
  });
  watched.start();
  onTestFinished(() => watched.stop());
  return told;
}

test('a file that is written, or replaced by another, is told, and then no more', async () => {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'keys');
  await writeFile(file, 'one');
  const told = watch(file);
  await writeFile(file, 'two, and longer');
  await expect.poll(() => told.at(-1)).toBe('two, and longer');
  await writeFile(path.join(folder, 'next'), 'as long as that');
  await rename(path.join(folder, 'next'), file);
  await expect.poll(() => told.at(-1)).toBe('as long as that');
  const times = told.length;
  await delay(5 * EVERY_MS);
  expect(told).toHaveLength(times);
});

test('a link that is turned to another folder is seen, as a mounted secret is updated', async () => {
  const folder = await temporaryFolder();
  for (const version of ['1', '2']) {
    await mkdir(path.join(folder, version));
    await writeFile(path.join(folder, version, 'keys'), `key ${version}`);
  }
  await symlink('1', path.join(folder, 'data'));
  const told = watch(path.join(folder, 'data', 'keys'));
  await symlink('2', path.join(folder, 'next'));
  await rename(path.join(folder, 'next'), path.join(folder, 'data'));
  await expect.poll(() => told.at(-1)).toBe('key 2');
});

test('a file that is gone is no change, until it is there again', async () => {
  const file = path.join(await temporaryFolder(), 'keys');
  await writeFile(file, 'one');
  const told = watch(file);
  await rm(file);
  await delay(5 * EVERY_MS);
  expect(told).toEqual([]);
  await writeFile(file, 'two, and longer');
  await expect.poll(() => told.at(-1)).toBe('two, and longer');
});

import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Snapshots } from '../../src/repository/snapshots.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const FILES = [
  { name: 'onnx/model.onnx', bytes: Uint8Array.of(1, 2, 3) },
  { name: 'onnx/weights.bin', bytes: Uint8Array.of(4) },
];

test('keeps a private copy of the bytes, under their names', async () => {
  const parent = await temporaryFolder();
  const folder = await new Snapshots(parent).keep('abc', FILES);
  expect([...(await readFile(path.join(folder, 'onnx/model.onnx')))]).toEqual([1, 2, 3]);
  expect([...(await readFile(path.join(folder, 'onnx/weights.bin')))]).toEqual([4]);
  expect((await stat(path.dirname(folder))).mode & 0o777).toBe(0o700);
});

test('equal bytes are kept once, and go when nobody needs them', async () => {
  const parent = await temporaryFolder();
  const snapshots = new Snapshots(parent);
  const folder = await snapshots.keep('abc', FILES);
  expect(await snapshots.keep('abc', FILES)).toBe(folder);
  await snapshots.release('abc');
  expect(await readdir(folder)).toEqual(['onnx']);
  await snapshots.release('abc');
  await expect(readdir(folder)).rejects.toThrow(/ENOENT/);
});

test('what a process that is gone left behind is removed, and nothing else', async () => {
  const parent = await temporaryFolder();
  const { pid: gone } = spawnSync('true');
  await mkdir(path.join(parent, `serval-${gone}-abc`, 'old'), { recursive: true });
  await mkdir(path.join(parent, `serval-${process.ppid}-abc`));
  await mkdir(path.join(parent, 'serval-notes'));
  await new Snapshots(parent).keep('abc', FILES);
  const left = (await readdir(parent)).filter((name) => !name.startsWith(`serval-${process.pid}-`)).sort();
  expect(left).toEqual([`serval-${process.ppid}-abc`, 'serval-notes']);
});

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readMachine, usableCores } from '../../src/machine/machine.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

async function coresWith(allowed: string): Promise<number> {
  const root = await temporaryFolder();
  await mkdir(path.join(root, 'proc/self'), { recursive: true });
  await writeFile(path.join(root, 'proc/self/status'), `Name:\tnode\nCpus_allowed_list:\t${allowed}\nThreads:\t1\n`);
  return readMachine(root).cores;
}

test.each([
  ['0', 1],
  ['0-3', 4],
  ['0-3,8,10-11', 7],
])('the affinity %s is %i cores', async (allowed, cores) => {
  expect(await coresWith(allowed)).toBe(cores);
});

test.each([
  [4, null, 4],
  [4, 8, 4],
  [4, 2, 2],
  [4, 1.9, 1],
  [4, 0.25, 1],
])('%i cores with a quota of %s are %i workers', (cores, cpuQuota, workers) => {
  expect(usableCores({ cores, cpuQuota })).toBe(workers);
});

test('a memory limit above what the machine has is none', async () => {
  const root = await temporaryFolder();
  await mkdir(path.join(root, 'proc/self'), { recursive: true });
  await mkdir(path.join(root, 'groups'));
  await writeFile(path.join(root, 'proc/self/cgroup'), '0::/\n');
  await writeFile(path.join(root, 'proc/self/mountinfo'), '30 23 0:26 / /groups rw - cgroup2 cgroup2 rw\n');
  await writeFile(path.join(root, 'groups/memory.max'), `${2 ** 50}\n`);
  expect(readMachine(root).memoryLimitBytes).toBeNull();
  await writeFile(path.join(root, 'groups/memory.max'), '100000000\n');
  expect(readMachine(root).memoryLimitBytes).toBe(100_000_000);
});

import { execFile } from 'node:child_process';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readCgroup } from '../../src/machine/cgroup.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);
const GIB = 2 ** 30;

/** A file system with these files. */
async function machineOf(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), `${text}\n`);
  }
  return root;
}

const V2_MOUNT = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const V1_MOUNTS = [
  '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
  '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
].join('\n');

test('version 2: the process’s own group', async () => {
  const root = await machineOf({
    'proc/self/cgroup': '0::/serval.service',
    'proc/self/mountinfo': V2_MOUNT,
    'sys/fs/cgroup/serval.service/cpu.max': '150000 100000',
    'sys/fs/cgroup/serval.service/memory.max': String(2 * GIB),
    'sys/fs/cgroup/serval.service/cpu.stat': 'usage_usec 5\nnr_periods 40\nnr_throttled 10\nthrottled_usec 9',
  });
  expect(readCgroup(root)).toEqual({
    cpus: 1.5,
    memoryBytes: 2 * GIB,
    throttling: { periods: 40, throttled: 10 },
  });
});

test('version 2: a limit of a parent holds where it is tighter', async () => {
  const root = await machineOf({
    'proc/self/cgroup': '0::/kubepods.slice/pod1/inner',
    'proc/self/mountinfo': V2_MOUNT,
    'sys/fs/cgroup/kubepods.slice/cpu.max': '1600000 100000',
    'sys/fs/cgroup/kubepods.slice/pod1/cpu.max': '50000 100000',
    'sys/fs/cgroup/kubepods.slice/pod1/inner/cpu.max': 'max 100000',
    'sys/fs/cgroup/kubepods.slice/pod1/memory.max': String(GIB),
    'sys/fs/cgroup/kubepods.slice/pod1/inner/memory.max': String(4 * GIB),
  });
  expect(readCgroup(root)).toMatchObject({ cpus: 0.5, memoryBytes: GIB });
});

test('version 2: a container sees its own group as the root', async () => {
  const root = await machineOf({
    'proc/self/cgroup': '0::/',
    'proc/self/mountinfo': V2_MOUNT,
    'sys/fs/cgroup/cpu.max': '200000 100000',
    'sys/fs/cgroup/memory.max': 'max',
  });
  expect(readCgroup(root)).toMatchObject({ cpus: 2, memoryBytes: null });
});

test('a container without a namespace: the mount is its group, whatever the group is called', async () => {
  const root = await machineOf({
    'proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc',
    'proc/self/mountinfo': V1_MOUNTS.replaceAll(' / /sys/fs/cgroup/', ' /docker/abc /sys/fs/cgroup/'),
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '300000',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': String(GIB),
  });
  expect(readCgroup(root)).toMatchObject({ cpus: 3, memoryBytes: GIB });
});

test('version 1: nested groups, and its words for no limit', async () => {
  const root = await machineOf({
    'proc/self/cgroup': '4:cpu,cpuacct:/a/b\n2:memory:/a/b\n0::/',
    'proc/self/mountinfo': V1_MOUNTS,
    'sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us': '-1',
    'sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '25000',
    'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '50000',
    'sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': '9223372036854771712',
  });
  expect(readCgroup(root)).toMatchObject({ cpus: 0.5, memoryBytes: null });
});

test('both versions side by side: the tightest holds', async () => {
  const root = await machineOf({
    'proc/self/cgroup': '4:cpu,cpuacct:/a\n0::/a',
    'proc/self/mountinfo': `${V1_MOUNTS}\n${V2_MOUNT.replace('/sys/fs/cgroup', '/sys/fs/cgroup/unified')}`,
    'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '400000',
    'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/unified/a/memory.max': String(3 * GIB),
  });
  expect(readCgroup(root)).toMatchObject({ cpus: 4, memoryBytes: 3 * GIB });
});

test('a blank in the name of a mount', async () => {
  const root = await machineOf({
    'proc/self/cgroup': '0::/',
    'proc/self/mountinfo': V2_MOUNT.replace('/sys/fs/cgroup', '/sys/my\\040groups'),
    'sys/my groups/cpu.max': '100000 100000',
  });
  expect(readCgroup(root).cpus).toBe(1);
});

test('where there are no control groups there is no limit', async () => {
  expect(readCgroup(await machineOf({}))).toEqual({ cpus: null, memoryBytes: null, throttling: null });
});

const V1_CPU = '/sys/fs/cgroup/cpu';
const V2 = '/sys/fs/cgroup';

/** A real group with a quota of one and a half cores and a child of it; null where none may be made. */
async function realGroup(): Promise<string | null> {
  for (const [parent, file, text] of [
    [V1_CPU, 'cpu.cfs_quota_us', '150000'],
    [V2, 'cpu.max', '150000 100000'],
  ] as const) {
    const group = path.join(parent, `serval-test-${process.pid}`);
    try {
      await mkdir(path.join(group, 'inner'), { recursive: true });
      await writeFile(path.join(group, file), text);
      return group;
    } catch {
      await removeGroup(group);
    }
  }
  return null;
}

async function removeGroup(group: string): Promise<void> {
  await rmdir(path.join(group, 'inner')).catch(() => {});
  await rmdir(group).catch(() => {});
}

const group = await realGroup();

test.skipIf(group === null)('a real group’s quota is seen by a process in a child of it', async () => {
  const module = fileURLToPath(new URL('../../src/machine/machine.ts', import.meta.url));
  const program = `const { readMachine, usableCores } = await import('${module}');
    const machine = readMachine();
    console.log(JSON.stringify([machine.cpuQuota, usableCores(machine)]));`;
  const command = `echo $$ > ${group}/inner/cgroup.procs && exec "$0" --input-type=module -e "$1"`;
  try {
    const { stdout } = await run('sh', ['-c', command, process.execPath, program]);
    expect(JSON.parse(stdout)).toEqual([1.5, 1]);
  } finally {
    await removeGroup(group ?? '');
  }
});

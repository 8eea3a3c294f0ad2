import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What Linux' control groups let this process have; null where they set no limit, and where there are none. */
export interface CgroupLimits {
  /** Cores' worth of time, as 1.5. */
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly throttling: Throttling | null;
}

/** How often the quota was at its end: of the periods in which the group ran, those in which it had to wait for the next. */
export interface Throttling {
  readonly periods: number;
  readonly throttled: number;
}

interface Mount {
  readonly type: string;
  /** The part of the hierarchy that is seen at `point`. */
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
}

/** cgroup v1 has no word for "no limit": the largest multiple of a page, 2⁶³ − 4096. Nobody has so much. */
const MOST_BYTES = 2 ** 60;

/**
 * Reads the limits of this process's groups and of all groups above them, of which the tightest holds: a quota is often
 * set on a parent, as systemd does for a slice and Kubernetes for a pod. Both versions of control groups, side by side too.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/scheduler/sched-bwc.html
 *
 * @param root of the file system; another one in tests.
 */
export function readCgroup(root = '/'): CgroupLimits {
  const mounts = readMounts(root);
  const unified = foldersOf(root, mounts, null);
  const cpu = foldersOf(root, mounts, 'cpu');
  const memory = foldersOf(root, mounts, 'memory');
  return {
    cpus: least([...unified.map(cpusOfV2), ...cpu.map(cpusOfV1)]),
    memoryBytes: least([
      ...unified.map((folder) => bytesOf(readLine(folder, 'memory.max'))),
      ...memory.map((folder) => bytesOf(readLine(folder, 'memory.limit_in_bytes'))),
    ]),
    throttling: [...unified, ...cpu].map(throttlingOf).find((found) => found !== null) ?? null,
  };
}

/** The process's group and those above it as far as they can be seen, the nearest first. */
function foldersOf(root: string, mounts: readonly Mount[], controller: string | null): string[] {
  const mount = mounts.find(({ type, options }) =>
    controller === null ? type === 'cgroup2' : type === 'cgroup' && options.includes(controller),
  );
  const group = groupOf(root, controller);
  if (mount === undefined || group === null) return [];
  const within = path.posix.relative(mount.root, group);
  // A group outside what is mounted here, as a container without a namespace of its own names it: the mount is its own.
  const parts = within === '' || within.startsWith('..') ? [] : within.split('/');
  const point = path.join(root, mount.point);
  return Array.from({ length: parts.length + 1 }, (_, up) => path.join(point, ...parts.slice(0, parts.length - up)));
}

/** Lines of /proc/self/cgroup: `hierarchy:controllers:group`; version 2 has no controllers there. */
function groupOf(root: string, controller: string | null): string | null {
  for (const line of readLines(root, 'proc/self/cgroup')) {
    const [, controllers = '', group = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controller === null ? controllers === '' && group !== '' : controllers.split(',').includes(controller))
      return group;
  }
  return null;
}

/** Lines of /proc/self/mountinfo: `id parent device root point options… - type source options`. */
function readMounts(root: string): Mount[] {
  return readLines(root, 'proc/self/mountinfo').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , mountRoot, point] = left.split(' ').map(unescaped);
    const [type, , options = ''] = right.split(' ');
    if (type === undefined || mountRoot === undefined || point === undefined || !type.startsWith('cgroup')) return [];
    return [{ type, root: mountRoot, point, options: options.split(',') }];
  });
}

/** mountinfo writes blanks and backslashes as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** cpu.max is `quota period`, in µs, or `max period`. */
function cpusOfV2(folder: string): number | null {
  const [quota = '', period = ''] = readLine(folder, 'cpu.max').split(' ');
  return ratioOf(quota, period);
}

/** A quota of −1 is none. */
function cpusOfV1(folder: string): number | null {
  return ratioOf(readLine(folder, 'cpu.cfs_quota_us'), readLine(folder, 'cpu.cfs_period_us'));
}

function ratioOf(quota: string, period: string): number | null {
  const cpus = Number.parseInt(quota, 10) / Number.parseInt(period, 10);
  return cpus > 0 && Number.isFinite(cpus) ? cpus : null;
}

function bytesOf(text: string): number | null {
  const bytes = Number.parseInt(text, 10);
  return bytes > 0 && bytes < MOST_BYTES ? bytes : null;
}

function throttlingOf(folder: string): Throttling | null {
  const counts = new Map(readLines(folder, 'cpu.stat').map((line) => line.split(' ') as [string, string]));
  const periods = Number(counts.get('nr_periods') ?? Number.NaN);
  const throttled = Number(counts.get('nr_throttled') ?? Number.NaN);
  return periods > 0 && throttled >= 0 ? { periods, throttled } : null;
}

function least(values: readonly (number | null)[]): number | null {
  const limits = values.filter((value) => value !== null);
  return limits.length === 0 ? null : Math.min(...limits);
}

function readLine(folder: string, name: string): string {
  return readLines(folder, name)[0] ?? '';
}

/** None where there is no such file, or it may not be read. */
function readLines(folder: string, name: string): string[] {
  try {
    return readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

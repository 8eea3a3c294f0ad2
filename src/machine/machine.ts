import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readCgroup, type Throttling } from './cgroup.ts';

/** What this process may use of the machine it runs on. */
export interface Machine {
  /** Cores that it may run on: its affinity, which containers' cpusets set as well. */
  readonly cores: number;
  /** Cores' worth of time that its control groups allow; null without a limit. */
  readonly cpuQuota: number | null;
  readonly throttling: Throttling | null;
  readonly totalMemoryBytes: number;
  /** Null without a limit below what the machine has. */
  readonly memoryLimitBytes: number | null;
}

/** @param root of the file system; another one in tests. */
export function readMachine(root = '/'): Machine {
  const { cpus, memoryBytes, throttling } = readCgroup(root);
  const totalMemoryBytes = os.totalmem();
  return {
    cores: readAffinity(root) ?? os.availableParallelism(),
    cpuQuota: cpus,
    throttling,
    totalMemoryBytes,
    memoryLimitBytes: memoryBytes !== null && memoryBytes < totalMemoryBytes ? memoryBytes : null,
  };
}

/**
 * How many one-thread workers this process has cores for: those it may run on, or as many whole ones as its quota is worth.
 * One more would be stopped in the middle of a batch for the rest of each 100 ms.
 */
export function usableCores({ cores, cpuQuota }: Pick<Machine, 'cores' | 'cpuQuota'>): number {
  return cpuQuota === null ? cores : Math.max(1, Math.min(cores, Math.floor(cpuQuota)));
}

export function usableMemoryBytes({
  totalMemoryBytes,
  memoryLimitBytes,
}: Pick<Machine, 'totalMemoryBytes' | 'memoryLimitBytes'>): number {
  return memoryLimitBytes ?? totalMemoryBytes;
}

/**
 * `Cpus_allowed_list:	0-3,8` of Linux; null elsewhere. os.availableParallelism() mixes quotas and shares in on some
 * systems and in some versions, and misses those of parents: the two are kept apart here.
 */
function readAffinity(root: string): number | null {
  let status: string;
  try {
    status = readFileSync(path.join(root, 'proc/self/status'), 'utf8');
  } catch {
    return null;
  }
  const ranges = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(status)?.[1]?.split(',') ?? [];
  const count = ranges.reduce((total, range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return total + last - first + 1;
  }, 0);
  return count > 0 ? count : null;
}

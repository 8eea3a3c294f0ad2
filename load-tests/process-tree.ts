import { readdir, readFile } from 'node:fs/promises';

/** What a tree of processes uses, from Linux' /proc. */
export interface TreeUsage {
  /** CPU time of all living processes and of their children that ended. */
  readonly cpuSeconds: number;
  /** Proportional set size: pages that processes share are counted once. */
  readonly pssBytes: number;
}

/** USER_HZ of every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/** @returns the ids of a process and all that it started. */
export async function treeOf(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = await statOf(Number(name));
    if (fields !== null) parents.set(Number(name), Number(fields[1]));
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

export async function usageOf(root: number): Promise<TreeUsage> {
  let cpuSeconds = 0;
  let pssBytes = 0;
  for (const pid of await treeOf(root)) {
    const fields = await statOf(pid);
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted from the state.
    for (const at of [11, 12, 13, 14]) cpuSeconds += Number(fields?.[at] ?? 0) / TICKS_A_SECOND;
    pssBytes += await pssBytesOf(pid);
  }
  return { cpuSeconds, pssBytes };
}

/** Of one process; 0 where it is gone. */
export async function pssBytesOf(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
}

/** Whether the process is there, and has not ended; one that nobody has waited for yet counts as gone. */
export async function isRunning(pid: number): Promise<boolean> {
  const fields = await statOf(pid);
  return fields !== null && fields[0] !== 'Z';
}

/** CPU time of one process, its children not counted. */
export async function ownCpuSeconds(pid: number): Promise<number> {
  const fields = await statOf(pid);
  return (Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)) / TICKS_A_SECOND;
}

/** The fields of /proc/<pid>/stat from the state on; null where the process is gone. */
async function statOf(pid: number): Promise<string[] | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

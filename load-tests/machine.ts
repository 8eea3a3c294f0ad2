import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** Where figures were measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** The instruction sets that decide how fast int8 is. */
  readonly features: readonly string[];
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
  /** Processes that wanted to run in the last minute before the run: others' work disturbs. */
  readonly loadBefore: number;
}

const FEATURES = ['avx2', 'avx_vnni', 'avx512f', 'avx512_vnni', 'amx_int8'];

export function describeMachine(): Machine {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    features: FEATURES.filter((feature) => flags.includes(feature)),
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}

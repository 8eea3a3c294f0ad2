import os from 'node:os';
import type { Config } from '../config.ts';
import { type Machine, usableCores } from '../machine/machine.ts';
import { type Finding, note, ok } from './finding.ts';

const MIB = 2 ** 20;
/** Below it, the server, its workers and the bundled models hardly fit. */
const LITTLE_BYTES = 512 * MIB;
/** Share of the periods in which a quota was at its end, above which requests are seen to wait for it. */
const MUCH_THROTTLED = 0.05;

/** @param features instruction sets, as Linux lists them. */
export function cpuFinding(model: string, features: ReadonlySet<string>): Finding {
  if (process.arch !== 'x64' || features.size === 0) return ok('CPU', `${model} (${process.arch})`);
  const has = {
    AVX2: features.has('avx2'),
    'AVX-512': features.has('avx512f'),
    VNNI: features.has('avx512_vnni') || features.has('avx_vnni'),
  };
  const list = Object.entries(has).map(([name, there]) => `${there ? '' : 'no '}${name}`);
  const text = `${model}: ${list.join(', ')}`;
  if (!has.AVX2) return note('CPU', `${text}. ONNX Runtime is several times as slow without AVX2.`);
  if (!has.VNNI) {
    return note('CPU', `${text}. Without VNNI int8 gains less, and 8-bit weights may saturate: take 7-bit ones.`);
  }
  return ok('CPU', text);
}

export function coresFinding(machine: Machine, config: Config): Finding {
  const { cores, cpuQuota, throttling } = machine;
  const fit = usableCores(machine);
  const quota = cpuQuota === null ? 'no quota' : `a quota of ${round(cpuQuota)} of them`;
  const text = `${os.cpus().length} in the machine, ${cores} for this process, ${quota}: ${config.workers} workers`;
  const share = throttling === null ? 0 : throttling.throttled / throttling.periods;
  if (config.workers > fit) {
    return note('Cores', `${text}, which is more than ${fit}: they stop one another.`, 'unset SERVAL_WORKERS');
  }
  if (share > MUCH_THROTTLED) {
    return note('Cores', `${text}. The quota was at its end in ${Math.round(share * 100)} % of its periods: raise it.`);
  }
  return ok('Cores', text);
}

export function memoryFinding({ totalMemoryBytes, memoryLimitBytes }: Machine): Finding {
  const limit = memoryLimitBytes === null ? 'no limit below it' : `limited to ${mib(memoryLimitBytes)}`;
  const free = Math.min(process.availableMemory(), memoryLimitBytes ?? Number.POSITIVE_INFINITY);
  const text = `${mib(totalMemoryBytes)} in the machine, ${limit}, ${mib(free)} available`;
  return free < LITTLE_BYTES ? note('Memory', `${text}: little for more than one small model.`) : ok('Memory', text);
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

function round(cpus: number): number {
  return Math.round(cpus * 100) / 100;
}

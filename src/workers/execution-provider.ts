import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import type { ProbeReport } from './cuda-probe.ts';

/** What is to be had of CUDA here. */
export type Cuda =
  /** The configuration keeps to the CPU: nothing was looked at. */
  | { readonly state: 'off' }
  /** ONNX Runtime's CUDA library is not beside its CPU library, or there is none for this platform. */
  | { readonly state: 'not_installed' }
  | { readonly state: 'failed'; readonly reason: string }
  /** `problem` names a GPU of the configuration that does not work. */
  | { readonly state: 'works'; readonly devices: readonly number[]; readonly problem: string | null };

const PROBE = fileURLToPath(new URL('./cuda-probe.ts', import.meta.url));

/** The first use of CUDA reads a gigabyte of libraries; a driver that hangs must not hold up the start for longer. */
const PROBE_TIMEOUT_MS = 20_000;
const MAX_REPORT_BYTES = 100_000;

export interface CudaSearch {
  /** The CUDA library; without it there is nothing to try. */
  readonly library?: string;
  /** The program that tries the GPUs. */
  readonly probe?: string;
  readonly timeoutMs?: number;
}

/**
 * Finds out whether CUDA works, by running a tiny model on each GPU in a child process. Where it is not wanted or not
 * installed this costs no more than a look at a file.
 */
export async function findCuda(
  { executionProvider, cudaDevices }: Pick<Config, 'executionProvider' | 'cudaDevices'>,
  { library = cudaLibrary(), probe = PROBE, timeoutMs = PROBE_TIMEOUT_MS }: CudaSearch = {},
): Promise<Cuda> {
  if (executionProvider === 'cpu') return { state: 'off' };
  try {
    await access(library);
  } catch {
    return { state: 'not_installed' };
  }
  return runProbe(probe, cudaDevices?.join(',') ?? 'auto', timeoutMs);
}

/** Where onnxruntime-node loads it from. */
export function cudaLibrary(): string {
  const runtime = path.dirname(path.dirname(fileURLToPath(import.meta.resolve('onnxruntime-node'))));
  return path.join(runtime, 'bin/napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
}

function runProbe(probe: string, devices: string, timeoutMs: number): Promise<Cuda> {
  const { promise, resolve } = Promise.withResolvers<Cuda>();
  const options = {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_REPORT_BYTES,
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  } as const;
  execFile(process.execPath, [probe, devices], options, (error, stdout, stderr) => {
    if (error === null) resolve(cudaOf(JSON.parse(stdout) as ProbeReport, stderr));
    else if (error.killed) resolve({ state: 'failed', reason: `the probe did not end within ${timeoutMs} ms` });
    else resolve({ state: 'failed', reason: `the probe ended with ${error.signal ?? `exit code ${error.code}`}` });
  });
  return promise;
}

function cudaOf({ devices, problem }: ProbeReport, stderr: string): Cuda {
  if (devices.length > 0) return { state: 'works', devices, problem };
  // Its error says that a library could not be loaded; which one, and why, only what it prints.
  const [, cause] = /with error: (?:\S*\/)?(\S+: .+)/.exec(stderr) ?? [];
  return {
    state: 'failed',
    reason: [problem ?? 'no GPU was found', ...(cause === undefined ? [] : [cause])].join(': '),
  };
}

import { type ChildProcess, spawn } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import type { Socket } from 'node:net';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { withoutSecrets } from './environment.ts';
import { encodeFrame } from './frame.ts';
import { Mailbox } from './mailbox.ts';
import { WIRE_FD, type WorkerModel } from './protocol.ts';

const ENTRY = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Lower than the main process's, so that accepting, refusing and health checks go before inference on a full machine. */
export const WORKER_NICENESS = 5;

/** A worker makes little garbage; without them V8 lets it pile up to tens of MB before it looks. */
const HEAP_FLAGS = ['--max-semi-space-size=2', '--heap-growing-percent=20', '--no-parallel-scavenge'];

/**
 * glibc gives every thread a heap of its own, each as large as the largest picture that it helped to decode, unless told how
 * many there may be; and it keeps ever more of what was freed, up to 64 MB, as larger pieces come by, unless both of its
 * bounds are fixed. In bytes; https://man7.org/linux/man-pages/man3/mallopt.3.html
 */
const ALLOCATOR = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(16 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(12 * 2 ** 20),
};

/** The process of a worker that was not told its models yet. */
export interface Launched {
  readonly child: ChildProcess;
  readonly mailbox: Mailbox | null;
}

/**
 * Starts the process of a worker, at the priority of those that serve. This file loads next to nothing, so that workers
 * can get ready to load models while the main process itself is being loaded.
 */
export function launchWorker(): Launched {
  const mailbox = Mailbox.create();
  const child = spawn(process.execPath, [...HEAP_FLAGS, ENTRY], {
    env: workerEnvironment(),
    // Numbered from 0 on: WIRE_FD and MAILBOX_FD are the last two.
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', mailbox?.fd ?? 'ignore'],
  });
  // One that cannot be started has ended, like any other; without a listener it would throw.
  child.on('error', () => {});
  child.stdio[WIRE_FD]?.on('error', () => {});
  if (child.pid !== undefined) lowerPriority(child.pid, WORKER_NICENESS);
  return { child, mailbox };
}

/** Processes that were started before there was anything for them to do, each to become a worker. */
export class LaunchedWorkers {
  readonly #waiting: Launched[];

  constructor(count: number) {
    this.#waiting = Array.from({ length: count }, launchWorker);
  }

  /** Lets those that nobody took load a version on the CPU; whoever takes them names it again. */
  load(model: WorkerModel): void {
    const frame = encodeFrame({ type: 'load', models: [model], isAll: false, cudaDevice: null });
    for (const launched of this.#waiting) {
      if (!isAlive(launched)) continue;
      const wire = launched.child.stdio[WIRE_FD] as Socket;
      for (const piece of frame) wire.write(piece);
    }
  }

  /** @returns one that is still there, or a new one. */
  take(): Launched {
    for (let launched = this.#waiting.shift(); launched !== undefined; launched = this.#waiting.shift()) {
      if (isAlive(launched)) return launched;
      discard(launched);
    }
    return launchWorker();
  }

  /** Ends those that nobody took. */
  discard(): void {
    this.#waiting.splice(0).forEach(discard);
  }
}

/** Without the right to raise one, a priority that is lower already stays as it is. */
export function lowerPriority(pid: number, niceness: number): void {
  try {
    os.setPriority(pid, niceness);
  } catch {
    // Not allowed here, or the process is gone already: only the order of scheduling is lost.
  }
}

/** The runtime's telemetry is on unless told otherwise; the compile cache is the main process's. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const NODE_COMPILE_CACHE = getCompileCacheDir();
  const cache = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
  return { ...ALLOCATOR, ...withoutSecrets(process.env), ...cache, ORT_DISABLE_TELEMETRY: '1' };
}

function isAlive({ child }: Launched): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function discard({ child, mailbox }: Launched): void {
  child.kill('SIGKILL');
  mailbox?.close();
}

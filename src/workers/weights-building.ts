import { fork } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { withoutSecrets } from './environment.ts';
import type { WorkerModel } from './protocol.ts';
import type { BuildReport } from './weights-builder.ts';

const ENTRY = fileURLToPath(new URL('./weights-builder.ts', import.meta.url));

/** Only what is left of the machine. */
const LOWEST_PRIORITY = 19;

export interface Building {
  /** Resolves when the child has ended, however it did. */
  readonly ended: Promise<void>;
  stop(): void;
}

/**
 * Has a child process write the shared weights of these versions into the cache.
 * @param report called for each version; one that it died of has no report.
 */
export function buildWeights(models: readonly WorkerModel[], report: (report: BuildReport) => void): Building {
  const child = fork(ENTRY, [], {
    serialization: 'advanced',
    env: { ...withoutSecrets(process.env), ORT_DISABLE_TELEMETRY: '1' },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  child.on('message', (message: BuildReport) => report(message));
  child.once('exit', () => resolve());
  child.on('error', () => resolve());
  if (child.pid !== undefined) lowerPriority(child.pid);
  child.send(models, () => {});
  return { ended, stop: () => child.kill('SIGKILL') };
}

function lowerPriority(pid: number): void {
  try {
    os.setPriority(pid, LOWEST_PRIORITY);
  } catch {
    // Gone already, or not allowed: it is over in seconds.
  }
}

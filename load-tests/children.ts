import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** File that takes its output. */
  readonly logFile: string;
  readonly ipc?: boolean;
}

const STOP_MS = 8_000;

/**
 * The process trees that a load test started. Each is a process group of its own, so that all of it can be ended, and
 * all are ended when the load test ends, whatever the way: done, an error, Ctrl-C.
 */
export class Children {
  readonly #running = new Set<ChildProcess>();

  constructor() {
    process.once('exit', () => this.#killAll());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        this.#killAll();
        process.exit(130);
      });
    }
  }

  start({ command, args, cwd, env = {}, logFile, ipc = false }: ChildCommand): ChildProcess {
    mkdirSync(path.dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'w');
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ORT_DISABLE_TELEMETRY: '1', ...env },
      stdio: ['ignore', log, log, ...(ipc ? (['ipc'] as const) : [])],
      detached: true,
    });
    closeSync(log);
    this.#running.add(child);
    child.once('error', () => this.#running.delete(child));
    return child;
  }

  /** Asks it to end, and ends what is left of its group. */
  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await Promise.race([ended, delay(STOP_MS, undefined, { ref: false })]);
    }
    killGroup(child);
    this.#running.delete(child);
  }

  #killAll(): void {
    for (const child of this.#running) killGroup(child);
    this.#running.clear();
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import os from 'node:os';

/**
 * Reads "+ <pid>" and "- <pid>"; when its input ends, which it does however the main process ended, it gives those that
 * are left half a second to go by themselves.
 */
const SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r operation pid; do
  case $operation in
    +) pids="$pids$pid " ;;
    -) case "$pids" in *" $pid "*) pids="\${pids%%" $pid "*} \${pids#*" $pid "}" ;; esac ;;
  esac
done
case "$pids" in *[0-9]*) sleep 0.5; kill -9 $pids 2>/dev/null ;; esac
`;

/**
 * Sees to it that no worker outlives the main process, even one that was killed and could not say so. A worker exits
 * when its connection to the main process ends, but only sees that between two runs, and a run cannot be interrupted: so
 * a shell of a megabyte waits beside them. Where there is no shell, workers go after their batch.
 */
export class OrphanGuard {
  #shell: ChildProcess | null = null;

  watch(pid: number | undefined): void {
    if (pid === undefined) return;
    this.#shell ??= start();
    this.#write(`+ ${pid}`);
  }

  release(pid: number | undefined): void {
    if (pid !== undefined) this.#write(`- ${pid}`);
  }

  /** Whether this process may raise a priority again that it lowered; tried on the shell, which needs none. */
  canRaisePriority(): boolean {
    const pid = this.#shell?.pid;
    if (pid === undefined) return false;
    try {
      const before = os.getPriority(pid);
      os.setPriority(pid, before + 1);
      os.setPriority(pid, before);
      return true;
    } catch {
      return false;
    }
  }

  #write(line: string): void {
    const input = this.#shell?.stdin;
    if (input?.writable) input.write(`${line}\n`);
  }
}

function start(): ChildProcess {
  // A session of its own: Ctrl-C reaches the whole group of the main process.
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  shell.on('error', () => {});
  shell.stdin?.on('error', () => {});
  shell.unref();
  return shell;
}

import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { ServalError } from '../errors.ts';
import type { Batch, BatchResult, Executor } from '../scheduler/executor.ts';
import { ExecutorLostError } from '../scheduler/executor.ts';
import { type Launched, launchWorker, lowerPriority, WORKER_NICENESS } from './launch.ts';
import type { Mailbox } from './mailbox.ts';
import {
  type FromWorker,
  type RunsOn,
  type ToWorker,
  type WeightsSource,
  WIRE_FD,
  type WorkerModel,
  type WorkerUsage,
} from './protocol.ts';
import { Wire } from './wire.ts';

export type LoadOutcome =
  | ({ readonly ok: true; readonly seconds: number; readonly weights: WeightsSource } & RunsOn)
  | { readonly ok: false; readonly message: string };

export interface WorkerEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The version it was loading when it ended. */
  readonly loading: string | null;
  readonly wasReady: boolean;
  /** It was killed because its batch ran for too long. */
  readonly hung: boolean;
}

export interface WorkerEvents {
  ready(worker: WorkerProcess): void;
  ended(worker: WorkerProcess, end: WorkerEnd): void;
}

export interface WorkerOptions {
  readonly models: readonly WorkerModel[];
  /** The GPU of those of them that run on CUDA, as CUDA counts them. */
  readonly cudaDevice: number | null;
  readonly events: WorkerEvents;
  /** Higher than the others' for one that must not take their time. */
  readonly niceness: number;
  /** The process that becomes this worker; one of its own where it is left out. */
  readonly launched?: Launched | undefined;
}

/** One child process with its models: fixed at birth, one batch at a time. */
export class WorkerProcess implements Executor {
  readonly id: number;
  readonly cudaDevice: number | null;
  readonly loads = new Map<string, LoadOutcome>();
  readonly #child: ChildProcess;
  readonly #mailbox: Mailbox | null;
  readonly #wire: Wire<ToWorker, FromWorker>;
  readonly #events: WorkerEvents;
  readonly #ended = Promise.withResolvers<void>();
  #running: PromiseWithResolvers<BatchResult> | null = null;
  #runningSince = 0;
  #preparing: PromiseWithResolvers<void> | null = null;
  #batches = 0;
  #loading: string | null = null;
  #hung = false;
  #ready = false;
  #isOver = false;
  #usage: WorkerUsage | null = null;

  constructor(id: number, { models, cudaDevice, events, niceness, launched = launchWorker() }: WorkerOptions) {
    this.id = id;
    this.cudaDevice = cudaDevice;
    this.#events = events;
    const { child, mailbox } = launched;
    this.#mailbox = mailbox;
    this.#child = child;
    const end = child.stdio[WIRE_FD] as Socket;
    this.#wire = new Wire({ end, mailbox }, (message) => this.#receive(message));
    child.once('exit', (exitCode, signal) => this.#end(exitCode, signal));
    // A process that cannot be started ends like any other.
    child.on('error', () => this.#end(null, null));
    if (child.pid !== undefined && niceness > WORKER_NICENESS) lowerPriority(child.pid, niceness);
    this.#wire.send({ type: 'load', models, isAll: true, cudaDevice });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** As the worker last told, every two seconds; null before it first did. */
  get usage(): WorkerUsage | null {
    return this.#usage;
  }

  /** How long the current batch has been running, what it prepares after it included; 0 while there is none. */
  get runningMs(): number {
    return this.#running === null && this.#preparing === null ? 0 : performance.now() - this.#runningSince;
  }

  /** Batches that it was given so far. */
  get batches(): number {
    return this.#batches;
  }

  run({ versionKey, items, isLone = false }: Batch): Promise<BatchResult> {
    if (this.#running !== null) throw new Error('This is a bug: the worker runs a batch already');
    if (this.#isOver) return Promise.reject(new ExecutorLostError(`worker ${this.id} has ended`));
    this.#running = Promise.withResolvers();
    this.#runningSince = performance.now();
    this.#batches += 1;
    this.#wire.send({ type: 'run', versionKey, items, isLone });
    return this.#running.promise;
  }

  /** Lets the current batch finish, then ends the process; kills it `exitGraceMs` later. Resolves when it is gone. */
  async retire(exitGraceMs: number): Promise<void> {
    await this.#running?.promise.catch(() => {});
    if (this.#isOver) return;
    const timer = setTimeout(() => this.kill(), exitGraceMs);
    this.#wire.send({ type: 'exit' });
    await this.#ended.promise;
    clearTimeout(timer);
  }

  /** All its threads; raising the priority takes a right that not every process has. */
  setNiceness(niceness: number): void {
    const { pid } = this;
    if (pid === undefined) return;
    for (const thread of threadsOf(pid)) lowerPriority(thread, niceness);
  }

  kill({ hung = false }: { hung?: boolean } = {}): void {
    this.#hung ||= hung;
    this.#child.kill('SIGKILL');
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'loading':
        this.#loading = message.versionKey;
        break;
      case 'loaded':
        this.#loading = null;
        this.loads.set(message.versionKey, loadOf(message));
        break;
      case 'load-failed':
        this.#loading = null;
        this.loads.set(message.versionKey, { ok: false, message: message.message });
        break;
      case 'ready':
        this.#ready = true;
        this.#events.ready(this);
        break;
      case 'ran':
        this.#preparing = message.prepares ? Promise.withResolvers() : null;
        this.#settle()?.resolve(this.#preparing === null ? message : { ...message, rest: this.#preparing.promise });
        break;
      case 'prepared':
        this.#settlePreparing();
        break;
      case 'run-failed':
        this.#settle()?.reject(runFailed(message.reason));
        break;
      case 'usage':
        this.#usage = message.usage;
        break;
    }
  }

  #settlePreparing(): void {
    this.#preparing?.resolve();
    this.#preparing = null;
  }

  #settle(): PromiseWithResolvers<BatchResult> | null {
    const running = this.#running;
    this.#running = null;
    return running;
  }

  #end(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#mailbox?.close();
    this.#settlePreparing();
    const wasReady = this.#ready;
    this.#ready = false;
    this.#events.ended(this, { exitCode, signal, loading: this.#loading, wasReady, hung: this.#hung });
    this.#settle()?.reject(
      new ExecutorLostError(`worker ${this.id} ended (${signal ?? exitCode})`, { hung: this.#hung }),
    );
    this.#ended.resolve();
  }
}

function loadOf({ seconds, weights, provider, providerProblem }: FromWorker & { type: 'loaded' }): LoadOutcome {
  return { ok: true, seconds, weights, provider, providerProblem };
}

function runFailed(reason: string): ServalError {
  const message = 'The graph could not run on this input; the server’s log has the reason under the request’s id.';
  return new ServalError('SERVAL_RUN_FAILED', message, { cause: new Error(reason) });
}

/** Linux' ids of a process's threads, each of which has a priority of its own; elsewhere the process. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid];
  }
}

import type { LaunchedWorkers } from './launch.ts';
import type { WorkerEnd, WorkerProcess } from './worker-process.ts';

export interface PoolObserver {
  /** A worker serves from now on: attach it. */
  workerReady(worker: WorkerProcess): void;
  /** A worker gets no further work and ends after its batch, because a fresh one has taken its place: detach it. */
  workerRetires(worker: WorkerProcess, reason: RetireReason): void;
  /** A worker that was not told to has ended; a new one is started. */
  workerEnded(worker: WorkerProcess, end: WorkerEnd): void;
  /** A version is left out of new workers: it ended several while they loaded it, or they could not load it. */
  versionExcluded(versionKey: string, reason: string): void;
}

/** `generation`: there are other models; `batches` and `memory`: it has reached a limit of its own. */
export type RetireReason = 'generation' | 'batches' | 'memory';

export interface PoolOptions {
  readonly count: number;
  /** GPUs that workers share out among themselves, as CUDA counts them. */
  readonly cudaDevices: readonly number[];
  /** Workers beyond `count` that are ready to take the place of one that ends. */
  readonly spares: number;
  readonly startTimeoutMs: number;
  /** What becomes the first workers. */
  readonly launched: LaunchedWorkers;
  /** A batch that runs for longer hangs: its worker is killed. */
  readonly runTimeoutMs: number;
  /** A worker is replaced after so many batches, and above so many resident bytes; 0 is never. */
  readonly recycleBatches: number;
  readonly recycleBytes: number;
  readonly observer: PoolObserver;
}

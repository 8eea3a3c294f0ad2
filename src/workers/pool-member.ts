import type { RetireReason } from './pool-options.ts';
import type { WorkerModel } from './protocol.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A worker of the pool. */
export interface Member {
  readonly worker: WorkerProcess;
  readonly models: readonly WorkerModel[];
  readonly generation: number;
  /** Resident bytes when it became ready. */
  bornBytes: number;
  isServing: boolean;
  isRetiring: boolean;
  /** Why it is to be replaced, beside the generation. */
  worn: RetireReason | null;
}

/** Whether it was started with these models, and has loaded them where it is ready. */
export function has({ worker, models }: Member, wanted: readonly WorkerModel[]): boolean {
  if (!worker.ready) return includesAll(models, wanted);
  return wanted.every(({ versionKey }) => worker.loads.get(versionKey)?.ok === true);
}

/** Whether these are among those. */
export function includesAll(models: readonly WorkerModel[], wanted: readonly WorkerModel[]): boolean {
  const keys = new Set(models.map(({ versionKey }) => versionKey));
  return wanted.every(({ versionKey }) => keys.has(versionKey));
}

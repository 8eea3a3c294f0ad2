import type { BatchResult } from './executor.ts';
import type { Job } from './job.ts';
import type { RanBatch } from './observer.ts';
import type { Submission } from './submission.ts';

/** A batch's result, and where and when it ran. */
export interface FinishedRun {
  /** The executor's id. */
  readonly worker: number;
  /** Clock time in ms. */
  readonly startedAt: number;
  readonly result: BatchResult;
}

/** What observers hear of a batch; to be made before its requests are answered, which takes those that fail out of it. */
export function ranBatch(
  versionKey: string,
  jobs: readonly Job[],
  { worker, startedAt, result }: FinishedRun,
): RanBatch {
  const { outcomes, collateMs, runMs, pixels, begunAt = null } = result;
  const answered = jobs.filter((_, at) => outcomes[at]?.ok);
  const queueMs = answered.flatMap(({ waiters }) => waiters.map(({ submission }) => waitedMs(submission, startedAt)));
  return { versionKey, items: jobs.length, jobs, worker, startedAt, begunAt, queueMs, collateMs, runMs, pixels };
}

/** One that joins an item that runs already has not waited. */
export function waitedMs({ submittedAt }: Pick<Submission, 'submittedAt'>, startedAt: number): number {
  return Math.max(0, startedAt - submittedAt);
}

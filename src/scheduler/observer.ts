import type { Job } from './job.ts';
import type { Submission } from './submission.ts';

/** What the scheduler tells of its work. Observers must not throw and must be quick: they stand on the hot path. */
export interface SchedulerObserver {
  /** A request was accepted, and waits. Called in the context of the request. */
  requestQueued?(submission: Submission): void;
  /** A batch came back from its worker. */
  batchRan(batch: RanBatch): void;
  /** An item was taken out before it ran. */
  itemDropped(versionKey: string, reason: DropReason): void;
  /** An item was answered without a run of its own. */
  itemReused(versionKey: string, from: 'shared' | 'cached'): void;
}

export type DropReason = 'deadline' | 'cancelled' | 'sibling_failed' | 'version_gone';

export interface RanBatch {
  readonly versionKey: string;
  readonly items: number;
  /** What ran: its waiters' requests tell who it was for. */
  readonly jobs: readonly Job[];
  /** The executor that ran it. */
  readonly worker: number;
  /** Clock time in ms when it was sent there, and time in ms since 1970 when the worker began, where it told. */
  readonly startedAt: number;
  readonly begunAt: number | null;
  /** How long each item waited. */
  readonly queueMs: readonly number[];
  readonly collateMs: number;
  readonly runMs: number;
  /** Pixels decoded for it. */
  readonly pixels: number;
}

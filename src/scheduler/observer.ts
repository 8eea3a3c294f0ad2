/** What the scheduler tells of its work. Observers must not throw and must be quick: they stand on the hot path. */
export interface SchedulerObserver {
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
  /** How long each item waited. */
  readonly queueMs: readonly number[];
  readonly collateMs: number;
  readonly runMs: number;
  /** Pixels decoded for it. */
  readonly pixels: number;
}

/** What the scheduler tells of its work. Observers must not throw and must be quick: they stand on the hot path. */
export interface SchedulerObserver {
  /** A batch came back from its worker. */
  batchRan(batch: {
    versionKey: string;
    items: number;
    queueMs: readonly number[];
    collateMs: number;
    runMs: number;
  }): void;
  /** An item was taken out before it ran. */
  itemDropped(versionKey: string, reason: DropReason): void;
}

export type DropReason = 'deadline' | 'cancelled' | 'sibling_failed';

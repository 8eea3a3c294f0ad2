import type { SchedulerObserver } from './observer.ts';

/** The observer, and a second one that only hears of batches. */
export function withBatchListener(
  observer: SchedulerObserver,
  listener: Pick<SchedulerObserver, 'batchRan'>,
): SchedulerObserver {
  return {
    batchRan: (batch) => {
      observer.batchRan(batch);
      listener.batchRan(batch);
    },
    itemDropped: (...dropped) => observer.itemDropped(...dropped),
    itemReused: (...reused) => observer.itemReused(...reused),
  };
}

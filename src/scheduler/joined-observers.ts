import type { RanBatch, SchedulerObserver } from './observer.ts';
import type { Submission } from './submission.ts';

/** Who hears of requests and batches, but not of single items. */
export type BatchListener = Pick<SchedulerObserver, 'requestQueued'> & Pick<SchedulerObserver, 'batchRan'>;

/** The observer, and others that hear of requests and batches. */
export function joinedObservers(
  observer: SchedulerObserver,
  ...listeners: readonly BatchListener[]
): SchedulerObserver {
  const queued = listeners.filter(({ requestQueued }) => requestQueued !== undefined);
  return {
    // Who does not listen costs nothing.
    ...(queued.length === 0
      ? {}
      : {
          requestQueued: (submission: Submission) => {
            for (const listener of queued) listener.requestQueued?.(submission);
          },
        }),
    batchRan: (batch: RanBatch) => {
      observer.batchRan(batch);
      for (const listener of listeners) listener.batchRan(batch);
    },
    itemDropped: (...dropped) => observer.itemDropped(...dropped),
    itemReused: (...reused) => observer.itemReused(...reused),
  };
}

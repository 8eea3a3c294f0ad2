import type { EncodedItem } from './item.ts';
import { groupOf, sizeOf } from './item.ts';
import type { Submission } from './submission.ts';

/** One item of one request, waiting for a job's answer. */
export interface Waiter {
  readonly submission: Submission;
  /** Place of the item in its request. */
  readonly index: number;
}

/** One computation, waiting or running: of one item, for all requests that asked for just this item meanwhile. */
export class Job {
  readonly item: EncodedItem;
  /** Names the item among those in flight; null where computations are not shared. */
  readonly key: string | null;
  /** Tokens. */
  readonly size: number;
  /** See groupOf. */
  readonly group: string | null;
  /** Place in the queue, in ms of the clock: see Scheduler.submit. */
  rank: number;
  /** Workers that ended while they ran this item and no other. */
  lostAlone = 0;
  readonly #waiters: Waiter[] = [];

  constructor(item: EncodedItem, rank: number, key: string | null) {
    this.item = item;
    this.key = key;
    this.size = sizeOf(item);
    this.group = groupOf(item);
    this.rank = rank;
  }

  /** The first asked for it, the others share it. */
  get waiters(): readonly Waiter[] {
    return this.#waiters;
  }

  /** Nobody waits for it any more. */
  get abandoned(): boolean {
    return this.#waiters.length === 0;
  }

  /** The earliest of its waiters', in ms of the clock. */
  get deadlineAt(): number {
    return this.#waiters.reduce(
      (first, { submission }) => Math.min(first, submission.deadlineAt),
      Number.POSITIVE_INFINITY,
    );
  }

  /** When the first of its waiters came, in ms of the clock. */
  get arrivedAt(): number {
    return Math.min(...this.#waiters.map(({ submission }) => submission.submittedAt));
  }

  join(waiter: Waiter): void {
    this.#waiters.push(waiter);
    waiter.submission.jobs.push(this);
  }

  leave(submission: Submission): void {
    for (let at = this.#waiters.length - 1; at >= 0; at--) {
      if (this.#waiters[at]?.submission === submission) this.#waiters.splice(at, 1);
    }
  }
}

import type { ErrorData } from '../errors.ts';
import type { ExecutorLostError } from './executor.ts';
import type { Job } from './job.ts';
import type { Quarantine } from './quarantine.ts';
import { HUNG, LOST } from './request-errors.ts';
import type { VersionQueue } from './version-queue.ts';

/** Items that run together again, and only they, because a worker ended under them. */
export interface SuspectBatch {
  readonly queue: VersionQueue;
  readonly jobs: Job[];
  /** Workers that ended under just these items, or under a larger batch that they were in. */
  readonly losses: number;
}

export interface GivenUp {
  readonly job: Job;
  readonly error: ErrorData;
}

/** Workers that may end under an item that runs alone. */
const MAX_LOST_ALONE = 2;

/**
 * Batches whose worker ended. They run once more as they were; when that fails too, in halves, until an item that ends
 * workers stands alone:
 *
 *     [a b c d] † → [a b c d] † → [a b] → answers
 *                               → [c d] † → [c] → answer
 *                                         → [d] † → [d] † given up, and refused for a while
 *
 * Only what an item does alone counts against it. One suspect batch runs at a time, so that such an item never takes all
 * workers at once.
 */
export class LostBatches {
  readonly #quarantine: Quarantine;
  readonly #waiting: SuspectBatch[] = [];
  #running: SuspectBatch | null = null;

  constructor(quarantine: Quarantine) {
    this.#quarantine = quarantine;
  }

  /** Items of a version that wait for another run. */
  itemsOf(versionKey: string): number {
    return this.#waiting.reduce((total, { queue, jobs }) => total + (queue.key === versionKey ? jobs.length : 0), 0);
  }

  /** Takes in a batch whose worker ended. @returns the items that do not run again. */
  add({ queue, jobs, losses }: SuspectBatch, lost: ExecutorLostError): GivenUp[] {
    const [only] = jobs;
    if (only === undefined) return [];
    if (jobs.length === 1) {
      only.lostAlone += 1;
      if (only.lostAlone >= MAX_LOST_ALONE) {
        this.#quarantine.add(queue.key, only.item);
        return [{ job: only, error: lost.hung ? HUNG : LOST }];
      }
    }
    const wanted = jobs.filter(({ abandoned }) => !abandoned);
    const half = losses === 0 ? wanted.length : Math.ceil(wanted.length / 2);
    for (const part of [wanted.slice(0, half), wanted.slice(half)]) {
      if (part.length > 0) this.#waiting.push({ queue, jobs: part, losses: losses + 1 });
    }
    return jobs.filter(({ abandoned }) => abandoned).map((job) => ({ job, error: LOST }));
  }

  /** The next to run; null where none waits, or one runs. */
  next(): SuspectBatch | null {
    if (this.#running !== null) return null;
    this.#running = this.#waiting.shift() ?? null;
    return this.#running;
  }

  /** To be called when a batch that `next` gave has ended, however it did. */
  end(batch: SuspectBatch): void {
    if (this.#running === batch) this.#running = null;
  }

  /** Takes out an item that nobody waits for any more. Whether it was waiting. */
  remove(job: Job): boolean {
    for (const [at, { jobs }] of this.#waiting.entries()) {
      const place = jobs.indexOf(job);
      if (place < 0) continue;
      jobs.splice(place, 1);
      if (jobs.length === 0) this.#waiting.splice(at, 1);
      return true;
    }
    return false;
  }
}

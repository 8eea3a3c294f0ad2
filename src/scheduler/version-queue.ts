import type { CostModel } from './cost-model.ts';
import { bytesOf } from './item.ts';
import type { Job } from './job.ts';
import { RankedQueue } from './queue.ts';

export interface VersionQueueOptions {
  readonly key: string;
  readonly maxBatchItems: number;
  readonly cost: CostModel;
}

/** Weight of the last batch in what batching is found to save. */
const SAVING_WEIGHT = 0.1;

/** One version's waiting items, and what they are predicted to cost. */
export class VersionQueue {
  readonly key: string;
  readonly maxBatchItems: number;
  readonly cost: CostModel;
  /** Worker time in ms that this version has had, counted from the share of a version that was never idle. */
  served = 0;
  readonly #jobs = new RankedQueue<Job>();
  readonly #costs = new Map<Job, number>();
  #waitingMs = 0;
  #waitingBytes = 0;
  /** Batches' predicted time as a share of their items' one by one. */
  #batchShare = 1;

  constructor({ key, maxBatchItems, cost }: VersionQueueOptions) {
    this.key = key;
    this.cost = cost;
    this.maxBatchItems = maxBatchItems;
  }

  get length(): number {
    return this.#jobs.length;
  }

  /** Predicted worker time in ms of all that waits, batched as it has been lately. */
  get waitingMs(): number {
    return this.#waitingMs * this.#batchShare;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  first(): Job | null {
    return this.#jobs.first();
  }

  window(count: number): Job[] {
    return this.#jobs.window(count);
  }

  /** Predicted worker time in ms of what stands before a place in the queue. */
  msBefore(rank: number): number {
    let ms = 0;
    for (const job of this.#jobs.before(rank)) ms += this.#costs.get(job) ?? 0;
    return ms * this.#batchShare;
  }

  add(job: Job): void {
    const ms = this.cost.predict(1, job.size);
    this.#jobs.add(job);
    this.#costs.set(job, ms);
    this.#waitingMs += ms;
    this.#waitingBytes += bytesOf(job.item);
  }

  /** Whether the job was waiting. */
  remove(job: Job): boolean {
    if (!this.#jobs.remove(job)) return false;
    const ms = this.#costs.get(job) ?? 0;
    this.#costs.delete(job);
    this.#waitingMs = this.length === 0 ? 0 : this.#waitingMs - ms;
    this.#waitingBytes -= bytesOf(job.item);
    return true;
  }

  /** Takes a batch out. @returns its predicted time in ms */
  takeBatch(batch: readonly Job[]): number {
    let alone = 0;
    let size = 0;
    for (const job of batch) {
      alone += this.#costs.get(job) ?? 0;
      size = Math.max(size, job.size);
      this.remove(job);
    }
    const together = this.cost.predict(batch.length, size);
    if (alone > 0) this.#batchShare += SAVING_WEIGHT * (Math.min(1, together / alone) - this.#batchShare);
    return together;
  }
}

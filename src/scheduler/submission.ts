import type { EncodedItem, ItemOutput } from './item.ts';
import { sizeOf } from './item.ts';

/** One item's answer and where its time went, in ms. */
export interface ItemResult {
  readonly output: ItemOutput;
  readonly queueMs: number;
  readonly runMs: number;
  readonly batchItems: number;
}

/** The items of one request for one version: they may run in several batches, and are answered together, in order. */
export class Submission {
  readonly versionKey: string;
  /** Clock times in ms. */
  readonly submittedAt: number;
  readonly deadlineAt: number;
  readonly results: Promise<readonly ItemResult[]>;
  readonly jobs: Job[] = [];
  readonly #results: ItemResult[];
  readonly #settlers: PromiseWithResolvers<readonly ItemResult[]>;
  #remaining: number;
  #settled = false;

  constructor(versionKey: string, count: number, times: { submittedAt: number; deadlineAt: number }) {
    this.versionKey = versionKey;
    this.submittedAt = times.submittedAt;
    this.deadlineAt = times.deadlineAt;
    this.#remaining = count;
    this.#results = new Array<ItemResult>(count);
    this.#settlers = Promise.withResolvers();
    this.results = this.#settlers.promise;
  }

  /** True once every item is answered, or the whole failed. */
  get settled(): boolean {
    return this.#settled;
  }

  addJob(index: number, item: EncodedItem, rank: number): Job {
    const job = new Job(this, index, item, rank);
    this.jobs.push(job);
    return job;
  }

  succeed(index: number, result: ItemResult): void {
    if (this.#settled) return;
    this.#results[index] = result;
    this.#remaining -= 1;
    if (this.#remaining > 0) return;
    this.#settled = true;
    this.#settlers.resolve(this.#results);
  }

  /** One item's failure fails its request. */
  fail(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settlers.reject(error);
  }
}

/** One item of a submission, waiting or running. */
export class Job {
  readonly submission: Submission;
  readonly index: number;
  readonly item: EncodedItem;
  /** Tokens. */
  readonly size: number;
  /** Place in the queue: the time of arrival plus the predicted work of the request's earlier items, in ms. */
  readonly rank: number;
  /** Batches with this item that ended because their worker did. */
  lostRuns = 0;

  constructor(submission: Submission, index: number, item: EncodedItem, rank: number) {
    this.submission = submission;
    this.index = index;
    this.item = item;
    this.size = sizeOf(item);
    this.rank = rank;
  }

  get deadlineAt(): number {
    return this.submission.deadlineAt;
  }
}

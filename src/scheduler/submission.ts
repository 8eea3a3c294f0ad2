import type { ItemOutput } from './item.ts';
import type { Job } from './job.ts';

/** One item's answer and where its time went, in ms. */
export interface ItemResult {
  readonly output: ItemOutput;
  readonly queueMs: number;
  readonly runMs: number;
  readonly batchItems: number;
  /** `shared`: another request had asked for the same item. `cached`: it had been answered before. */
  readonly from: 'run' | 'shared' | 'cached';
}

export type SubmissionTimes = Pick<Submission, 'submittedAt' | 'deadlineAt' | 'timeoutMs' | 'predictedWaitMs'>;

/** The items of one request for one version: they may run in several batches, and are answered together, in order. */
export class Submission {
  readonly versionKey: string;
  /** Clock times in ms. */
  readonly submittedAt: number;
  readonly deadlineAt: number;
  /** As the client named it; the deadline is less than that after `submittedAt`. */
  readonly timeoutMs: number;
  /** As admission predicted it, from the work that stood before. */
  readonly predictedWaitMs: number;
  readonly results: Promise<readonly ItemResult[]>;
  readonly jobs: Job[] = [];
  readonly #results: ItemResult[];
  readonly #settlers: PromiseWithResolvers<readonly ItemResult[]>;
  #remaining: number;
  #settled = false;

  constructor(versionKey: string, count: number, times: SubmissionTimes) {
    this.versionKey = versionKey;
    this.submittedAt = times.submittedAt;
    this.deadlineAt = times.deadlineAt;
    this.timeoutMs = times.timeoutMs;
    this.predictedWaitMs = times.predictedWaitMs;
    this.#remaining = count;
    this.#results = new Array<ItemResult>(count);
    this.#settlers = Promise.withResolvers();
    this.results = this.#settlers.promise;
  }

  /** True once every item is answered, or the whole failed. */
  get settled(): boolean {
    return this.#settled;
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

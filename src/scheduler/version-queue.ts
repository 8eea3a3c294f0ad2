import { holdMsOf, PLAN_WINDOW, planBatch } from './batch-planner.ts';
import type { CostModel } from './cost-model.ts';
import { bytesOf } from './item.ts';
import type { Job } from './job.ts';
import { RankedQueue } from './queue.ts';
import type { Submission } from './submission.ts';

export interface VersionQueueOptions {
  readonly key: string;
  /** 1 where the version's items run one by one. */
  readonly maxBatchItems: number;
  readonly maxBatchTokens: number;
  readonly maxQueueDelayMs: number;
  readonly cost: CostModel;
}

/**
 * After so many batches the next one is of one item: what a version's items cost alone is else known from its calibration
 * only, on other items than those that come now, and what batches save would be measured against that for ever.
 */
const MAX_BATCHES_TOGETHER = 64;

/** Weight of the last batch in what batching is found to save. */
const SAVING_WEIGHT = 0.1;

/** Weight of the last item in what one usually costs. */
const USUAL_WEIGHT = 0.05;

/** One version's waiting items, and what they are predicted to cost. */
export class VersionQueue {
  readonly key: string;
  readonly cost: CostModel;
  /** Worker time in ms that this version has had, counted from the share of a version that was never idle. */
  served = 0;
  /** Clock time in ms when work came last. */
  arrivedAt = Number.NEGATIVE_INFINITY;
  /** Clock time in ms until which its items are held for company. */
  heldUntil = 0;
  #holdTimer: NodeJS.Timeout | undefined;
  readonly #options: VersionQueueOptions;
  readonly #jobs = new RankedQueue<Job>();
  readonly #costs = new Map<Job, number>();
  #waitingMs = 0;
  #usualMs = 0;
  #waitingBytes = 0;
  /** Batches' predicted time as a share of their items' one by one. */
  #batchShare = 1;
  /** Batches of several since the last one of one. */
  #together = 0;

  constructor(options: VersionQueueOptions) {
    this.#options = options;
    this.key = options.key;
    this.cost = options.cost;
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

  /** Requests whose answer would come too late, as far as they hold up the others: it is not computed. */
  hopeless(now: number): readonly Submission[] {
    if (this.length === 0) return [];
    const late = new Set<Submission>();
    for (const job of this.#jobs.before(Number.POSITIVE_INFINITY)) {
      const doneAt = now + this.cost.predict(1, job.size);
      for (const { submission } of job.waiters) if (submission.deadlineAt < doneAt) late.add(submission);
      if (job.waiters.some(({ submission }) => !late.has(submission))) break;
    }
    return [...late];
  }

  /**
   * The next batch; its items stay in the queue.
   * @param contested whether other versions want the workers as well.
   */
  plan(now: number, contested: boolean): Job[] {
    const { maxBatchItems: maxItems, maxBatchTokens: maxTokens } = this.#options;
    const waiting = this.#jobs.window(maxItems === 1 ? 1 : Math.max(maxItems, PLAN_WINDOW));
    const batch = planBatch(waiting, { cost: this.cost, maxItems, maxTokens, now, contested });
    const isAlone = batch.length === 1 || this.#together === MAX_BATCHES_TOGETHER;
    this.#together = isAlone ? 0 : this.#together + 1;
    return isAlone ? batch.slice(0, 1) : batch;
  }

  /** Whether a batch is held for items that may still join it; `over` is called when it is to be looked at again. */
  hold(batch: readonly Job[], now: number, over: () => void): boolean {
    const { maxBatchItems: maxItems, maxBatchTokens: maxTokens, maxQueueDelayMs: maxDelayMs } = this.#options;
    const holdMs = maxDelayMs === 0 ? 0 : holdMsOf(batch, { cost: this.cost, maxItems, maxTokens, maxDelayMs, now });
    if (holdMs === 0) return false;
    this.heldUntil = now + holdMs;
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => {
      // Timers may be early: what is left is found out again.
      this.heldUntil = 0;
      over();
    }, holdMs);
    return true;
  }

  /** Predicted worker time in ms of one item, as those that came lately. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** Predicted worker time in ms of what stands before a place in the queue. */
  msBefore(rank: number): number {
    const last = this.#jobs.last();
    if (last === null || last.rank <= rank) return this.waitingMs;
    let ms = 0;
    for (const job of this.#jobs.before(rank)) ms += this.#costs.get(job) ?? 0;
    return ms * this.#batchShare;
  }

  add(job: Job): void {
    const ms = this.cost.predict(1, job.size);
    this.#jobs.add(job);
    this.heldUntil = 0;
    this.#costs.set(job, ms);
    this.#usualMs += USUAL_WEIGHT * (ms - this.#usualMs);
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

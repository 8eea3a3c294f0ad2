import { type ErrorData, fromErrorData, ServalError } from '../errors.ts';
import { PLAN_WINDOW, planBatch } from './batch-planner.ts';
import { type CostCoefficients, CostModel } from './cost-model.ts';
import type { BatchResult, Executor } from './executor.ts';
import { ExecutorLostError } from './executor.ts';
import type { EncodedItem } from './item.ts';
import { sizeOf } from './item.ts';
import type { SchedulerObserver } from './observer.ts';
import { type Job, Submission } from './submission.ts';
import { VersionQueue } from './version-queue.ts';

export interface SchedulerOptions {
  readonly maxQueueItems: number;
  readonly maxBatchItems: number;
  readonly maxBatchTokens: number;
  readonly observer: SchedulerObserver;
  /** A clock in ms that never goes back. */
  readonly now?: () => number;
}

/** How often requests past their deadline are looked for. */
const EXPIRY_SWEEP_MS = 20;
/** Workers that may end under an item before it is given up. */
const MAX_LOST_RUNS = 2;

/**
 * Decides which items run next, where and together. A batch is formed at the moment a worker becomes free, from what
 * waits at that moment: nothing ever waits for arrivals, so batches grow only while all workers are busy.
 *
 *     submit → queue of the version → (a worker is free) → plan → executor.run → results
 */
export class Scheduler {
  readonly #queues = new Map<string, VersionQueue>();
  readonly #idle = new Set<Executor>();
  readonly #attached = new Set<Executor>();
  readonly #active = new Set<Submission>();
  readonly #options: SchedulerOptions;
  readonly #now: () => number;
  #waiting = 0;
  #running = 0;
  #waitingMs = 0;
  #sweep: NodeJS.Timeout | null = null;
  #emptied = Promise.withResolvers<void>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * @param options.batching off where a version's scores depend on their batch.
   * @param options.prior what its batches are taken to cost until some have run.
   */
  addVersion(versionKey: string, { batching, prior }: { batching: boolean; prior: CostCoefficients }): void {
    const maxBatchItems = batching ? this.#options.maxBatchItems : 1;
    this.#queues.set(versionKey, new VersionQueue(versionKey, maxBatchItems, new CostModel(prior)));
  }

  /** Gives the executor work from now on. It must have every version that is added. */
  attach(executor: Executor): void {
    this.#attached.add(executor);
    this.#idle.add(executor);
    this.#dispatch();
  }

  /** Gives the executor no further work; the batch it runs is not touched. */
  detach(executor: Executor): void {
    this.#attached.delete(executor);
    this.#idle.delete(executor);
  }

  /** Items waiting for a worker. */
  get queuedItems(): number {
    return this.#waiting;
  }

  queuedItemsOf(versionKey: string): number {
    return this.#queues.get(versionKey)?.jobs.length ?? 0;
  }

  costOf(versionKey: string): CostModel | null {
    return this.#queues.get(versionKey)?.cost ?? null;
  }

  /** Predicted ms until a new item would be given to a worker. */
  get predictedWaitMs(): number {
    return this.#waitingMs / Math.max(1, this.#attached.size);
  }

  /**
   * Says before a body is read whether there is room for one more item.
   * @throws ServalError SERVAL_OVERLOADED
   */
  checkRoom(items = 1): void {
    if (this.#waiting + items <= this.#options.maxQueueItems) return;
    const waitMs = this.predictedWaitMs;
    throw new ServalError(
      'SERVAL_OVERLOADED',
      `${this.#waiting} items wait for a worker, ${this.#options.maxQueueItems} may; send the request again in ${(waitMs / 1000).toFixed(1)} s.`,
      { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)), details: { retryAfterMs: Math.ceil(waitMs) } },
    );
  }

  /**
   * Queues the items of one request; its `results` come in the order of the items.
   * They reject with SERVAL_DEADLINE_EXCEEDED, SERVAL_CLIENT_CLOSED, SERVAL_WORKER_LOST, or an item's own error.
   * @throws ServalError SERVAL_OVERLOADED, SERVAL_VERSION_NOT_READY
   */
  submit(versionKey: string, items: readonly EncodedItem[], timeoutMs: number): Submission {
    const queue = this.#queues.get(versionKey);
    if (queue === undefined) throw new ServalError('SERVAL_VERSION_NOT_READY', 'The version is no longer served.');
    this.checkRoom(items.length);
    const now = this.#now();
    const submission = new Submission(versionKey, items.length, { submittedAt: now, deadlineAt: now + timeoutMs });
    if (queue.jobs.length === 0) queue.served = Math.max(queue.served, this.#leastServed());
    let rank = now;
    for (const [index, item] of items.entries()) {
      queue.jobs.add(submission.addJob(index, item, rank));
      const ms = queue.cost.predict(1, sizeOf(item));
      rank += ms;
      this.#waitingMs += ms;
    }
    this.#waiting += items.length;
    this.#active.add(submission);
    this.#sweep ??= setInterval(() => this.#expire(), EXPIRY_SWEEP_MS).unref();
    this.#dispatch();
    return submission;
  }

  /** Gives up a request whose client went away: what waits of it leaves the queue. */
  cancel(submission: Submission): void {
    this.#end(submission, new ServalError('SERVAL_CLIENT_CLOSED', 'The client went away.'));
    this.#takeOut(submission, 'cancelled');
  }

  /** Resolves when no accepted request is unanswered. */
  async drained(): Promise<void> {
    while (this.#active.size > 0 || this.#running > 0) await this.#emptied.promise;
  }

  #dispatch(): void {
    for (const executor of this.#idle) {
      const queue = this.#nextQueue();
      if (queue === null) return;
      const batch = this.#plan(queue);
      if (batch.length > 0) void this.#run(executor, queue, batch);
    }
  }

  /** The version with work that has had the least worker time: a backlog of one cannot hold up another. */
  #nextQueue(): VersionQueue | null {
    let next: VersionQueue | null = null;
    for (const queue of this.#queues.values()) {
      if (queue.jobs.length > 0 && (next === null || queue.served < next.served)) next = queue;
    }
    return next;
  }

  #leastServed(): number {
    const busy = [...this.#queues.values()].filter(({ jobs }) => jobs.length > 0).map(({ served }) => served);
    const all = [...this.#queues.values()].map(({ served }) => served);
    return busy.length > 0 ? Math.min(...busy) : Math.max(...all);
  }

  #plan(queue: VersionQueue): Job[] {
    const batch = planBatch(queue.jobs.window(queue.maxBatchItems === 1 ? 1 : PLAN_WINDOW), {
      cost: queue.cost,
      maxItems: queue.maxBatchItems,
      maxTokens: this.#options.maxBatchTokens,
      now: this.#now(),
    });
    for (const job of batch) this.#take(queue, job);
    return batch;
  }

  #take(queue: VersionQueue, job: Job): boolean {
    if (!queue.jobs.remove(job)) return false;
    this.#waiting -= 1;
    this.#waitingMs = this.#waiting === 0 ? 0 : Math.max(0, this.#waitingMs - queue.cost.predict(1, job.size));
    return true;
  }

  async #run(executor: Executor, queue: VersionQueue, jobs: readonly Job[]): Promise<void> {
    const startedAt = this.#now();
    const size = jobs.reduce((largest, job) => Math.max(largest, job.size), 0);
    queue.served += queue.cost.predict(jobs.length, size);
    this.#idle.delete(executor);
    this.#running += 1;
    const outcome = await executor.run({ versionKey: queue.key, items: jobs.map(({ item }) => item) }).catch(toError);
    this.#running -= 1;
    if (this.#attached.has(executor)) this.#idle.add(executor);
    // The next batch goes out before this one's answers are written: the worker does not wait for them.
    if (outcome instanceof ExecutorLostError) this.#retry(queue, jobs);
    this.#dispatch();
    if (outcome instanceof Error) {
      if (!(outcome instanceof ExecutorLostError)) this.#failAll(jobs, outcome);
    } else {
      queue.cost.observe(jobs.length, size, outcome.collateMs + outcome.runMs);
      this.#answer(queue, jobs, { startedAt, result: outcome });
    }
    this.#settleDrain();
  }

  #answer(queue: VersionQueue, jobs: readonly Job[], run: { startedAt: number; result: BatchResult }): void {
    const { outcomes, collateMs, runMs, pixels } = run.result;
    const queueMs = jobs.map(({ submission }) => run.startedAt - submission.submittedAt);
    for (const [at, job] of jobs.entries()) {
      const outcome = outcomes[at];
      if (outcome === undefined) {
        const message = `This is a bug: ${outcomes.length} outcomes for a batch of ${jobs.length}`;
        this.#failJob(job, new ServalError('SERVAL_INTERNAL', message));
      } else if (outcome.ok) {
        job.submission.succeed(job.index, {
          output: outcome.output,
          queueMs: queueMs[at] ?? 0,
          runMs: collateMs + runMs,
          batchItems: jobs.length,
        });
        if (job.submission.settled) this.#active.delete(job.submission);
      } else this.#failJob(job, inputError(job, outcome.error));
    }
    this.#options.observer.batchRan({ versionKey: queue.key, items: jobs.length, queueMs, collateMs, runMs, pixels });
  }

  /** The worker ended: the items go back to where they stood, once. */
  #retry(queue: VersionQueue, jobs: readonly Job[]): void {
    for (const job of jobs) {
      if (job.submission.settled) continue;
      job.lostRuns += 1;
      if (job.lostRuns >= MAX_LOST_RUNS) {
        const message = 'The workers that ran this request ended twice. It may be sent again.';
        this.#failJob(job, new ServalError('SERVAL_WORKER_LOST', message, { details: { input: job.index } }));
        continue;
      }
      queue.jobs.add(job);
      this.#waiting += 1;
      this.#waitingMs += queue.cost.predict(1, job.size);
    }
  }

  #failAll(jobs: readonly Job[], error: Error): void {
    const failure =
      error instanceof ServalError ? error : new ServalError('SERVAL_INTERNAL', error.message, { cause: error });
    for (const job of jobs) this.#failJob(job, failure);
  }

  #failJob(job: Job, error: ServalError): void {
    this.#end(job.submission, error);
    this.#takeOut(job.submission, 'sibling_failed');
  }

  #end(submission: Submission, error: Error): void {
    submission.fail(error);
    this.#active.delete(submission);
    this.#settleDrain();
  }

  /** Takes what waits of a request out of the queue. */
  #takeOut(submission: Submission, reason: 'deadline' | 'cancelled' | 'sibling_failed'): void {
    const queue = this.#queues.get(submission.versionKey);
    if (queue === undefined) return;
    for (const job of submission.jobs) {
      if (this.#take(queue, job)) this.#options.observer.itemDropped(queue.key, reason);
    }
  }

  #expire(): void {
    const now = this.#now();
    for (const submission of this.#active) {
      if (submission.deadlineAt > now) continue;
      const timeoutMs = Math.round(submission.deadlineAt - submission.submittedAt);
      const message = `No answer within ${timeoutMs} ms. Send less at once, or allow more with timeout_ms.`;
      this.#end(submission, new ServalError('SERVAL_DEADLINE_EXCEEDED', message, { details: { timeoutMs } }));
      this.#takeOut(submission, 'deadline');
    }
    if (this.#active.size === 0 && this.#sweep !== null) {
      clearInterval(this.#sweep);
      this.#sweep = null;
    }
  }

  #settleDrain(): void {
    if (this.#active.size > 0 || this.#running > 0) return;
    this.#emptied.resolve();
    this.#emptied = Promise.withResolvers();
  }
}

/** An item's own error names its place in the request. */
function inputError({ index }: Job, error: ErrorData): ServalError {
  const { code, message, details } = fromErrorData(error);
  return new ServalError(code, `Input ${index}: ${message}`, { details: { input: index, ...Object(details) } });
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

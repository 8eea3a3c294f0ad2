import type { ErrorData } from '../errors.ts';
import { ActiveSubmissions } from './active-submissions.ts';
import { Admission } from './admission.ts';
import type { CostModel } from './cost-model.ts';
import { Door } from './door.ts';
import { type Executor, ExecutorLostError } from './executor.ts';
import { ExecutorSet } from './executor-set.ts';
import { bytesOf, type EncodedItem, sizeOf } from './item.ts';
import { Job, type Waiter } from './job.ts';
import { LostBatches, type SuspectBatch } from './lost-batches.ts';
import type { DropReason } from './observer.ts';
import { Quarantine } from './quarantine.ts';
import { type FinishedRun, ranBatch, waitedMs } from './ran-batch.ts';
import { batchError, clientClosed, deadlineExceeded, inputError, toError, versionGone } from './request-errors.ts';
import { Reuse } from './reuse.ts';
import type { SchedulerOptions, SubmitOptions, VersionOptions } from './scheduler-options.ts';
import { SoleClient } from './sole-client.ts';
import { Submission } from './submission.ts';
import { VersionQueue } from './version-queue.ts';
import { VersionQueues } from './version-queues.ts';

type Arriving = Pick<Job, 'item' | 'rank'> & { readonly waiter: Waiter };

/** A background item stands where an interactive one that came this much later would: it yields, but never starves. */
const BACKGROUND_HANDICAP_MS = 10_000;

/**
 * Decides which items run next, where and together. A batch is formed at the moment a worker becomes free, from what
 * waits at that moment: nothing ever waits for arrivals, so batches grow only while all workers are busy.
 *
 *     submit → admission → queue of the version → (a worker is free) → plan → executor.run → results
 */
export class Scheduler {
  readonly door: Door;
  readonly #queues = new VersionQueues();
  readonly #executors = new ExecutorSet();
  readonly #active: ActiveSubmissions;
  readonly #options: SchedulerOptions;
  readonly #admission: Admission;
  readonly #reuse: Reuse;
  readonly #quarantine: Quarantine;
  readonly #lost: LostBatches;
  readonly #sole = new SoleClient();
  readonly #now: () => number;
  #emptied = Promise.withResolvers<void>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
    this.#reuse = new Reuse(options);
    this.#now = options.now ?? (() => performance.now());
    const now = this.#now;
    this.door = new Door({ admission: this.#admission, queues: this.#queues, executors: this.#executors, now });
    this.#quarantine = new Quarantine(options, this.#now);
    this.#lost = new LostBatches(this.#quarantine);
    this.#active = new ActiveSubmissions(this.#now, (submission) => this.#endLate(submission));
  }

  addVersion(key: string, { batching, bounds = this.#options, maxItems, prior }: VersionOptions): void {
    const { maxBatchItems: most, maxBatchTokens } = bounds;
    const maxBatchItems = batching ? Math.min(maxItems ?? most, most) : 1;
    const limits = { maxBatchItems, maxBatchTokens };
    this.#queues.set(new VersionQueue({ ...this.#options, ...limits, key, cost: this.#queues.costOf(key, prior) }));
  }

  /** Takes no more work for a version; requests for it that are not answered yet fail with SERVAL_VERSION_NOT_READY. */
  removeVersion(key: string): void {
    for (const submission of this.#active.of(key)) this.#end(submission, versionGone(), 'version_gone');
    this.#queues.delete(key);
  }

  /** Gives the executor work from now on. It must have every version that is added. */
  attach(executor: Executor): void {
    this.#executors.attach(executor);
    this.#dispatch();
  }

  /** Gives the executor no further work; the batch it runs is not touched. */
  detach(executor: Executor): void {
    this.#executors.detach(executor);
  }

  /** An executor with nothing to do, detached; null while any request is unanswered. `attach` gives it back. */
  lend(): Executor | null {
    const executor = this.#active.count > 0 ? null : this.#executors.lastIdle;
    if (executor !== null) this.detach(executor);
    return executor;
  }

  /** Items of a version that wait for a worker. */
  queuedItemsOf(versionKey: string): number {
    return (this.#queues.get(versionKey)?.length ?? 0) + this.#lost.itemsOf(versionKey);
  }

  costOf(versionKey: string): CostModel | null {
    return this.#queues.get(versionKey)?.cost ?? null;
  }

  /** Predicted ms until all that waits now has been given to workers. */
  get predictedWaitMs(): number {
    return this.#queues.waitingMs / this.door.load.workers;
  }

  /**
   * Queues the items of one request; its `results` come in the order of the items.
   * They reject with SERVAL_DEADLINE_EXCEEDED, SERVAL_CLIENT_CLOSED, SERVAL_WORKER_LOST, or an item's own error.
   *
   * An item's place in the queue is the time of its arrival plus the predicted work of the request's earlier items, so
   * that a request of many items does not hold up the others for all of them.
   *
   * @throws ServalError SERVAL_OVERLOADED, SERVAL_VERSION_NOT_READY
   */
  submit(versionKey: string, items: readonly EncodedItem[], options: SubmitOptions): Submission {
    const { timeoutMs, waitedMs = 0, priority, client = null } = options;
    const queue = this.#queues.get(versionKey);
    if (queue === undefined) throw versionGone();
    this.#quarantine.check(versionKey, items);
    const now = this.#now();
    let rank = priority === 'background' ? now + BACKGROUND_HANDICAP_MS : now;
    const costs = items.map((item) => queue.cost.predict(1, sizeOf(item)));
    const predictedWaitMs = this.#admission.checkArrival(this.door.load, {
      queue,
      rank,
      items: items.length,
      bytes: items.reduce((total, item) => total + bytesOf(item), 0),
      workMs: costs.reduce((total, ms) => total + ms, 0),
      longestMs: Math.max(...costs),
      timeoutMs,
      waitedMs,
    });
    const submission = new Submission(versionKey, items.length, {
      submittedAt: now,
      deadlineAt: now + timeoutMs - waitedMs,
      timeoutMs,
      predictedWaitMs,
    });
    if (queue.length === 0) this.#queues.enter(queue);
    queue.arrivedAt = now;
    this.#sole.asked(client, now);
    for (const [index, item] of items.entries()) {
      this.#enqueue(queue, { item, rank, waiter: { submission, index } });
      rank += costs[index] ?? 0;
    }
    if (submission.settled) return submission;
    this.#active.add(submission);
    this.#options.observer.requestQueued?.(submission);
    this.#dispatch();
    return submission;
  }

  /** Gives up a request whose client went away: what waits of it leaves the queue. */
  cancel(submission: Submission): void {
    this.#end(submission, clientClosed(), 'cancelled');
  }

  /** Resolves when no accepted request is unanswered. */
  async drained(): Promise<void> {
    while (this.#active.count > 0 || this.#executors.running > 0) await this.#emptied.promise;
  }

  /** Answers the item from the cache, joins it to the same one in flight, or queues it. */
  #enqueue(queue: VersionQueue, { item, rank, waiter }: Arriving): void {
    const key = this.#reuse.keyOf(queue.key, item);
    const output = this.#reuse.answer(key);
    if (output !== undefined) {
      waiter.submission.succeed(waiter.index, { output, queueMs: 0, runMs: 0, batchItems: 0, from: 'cached' });
      this.#options.observer.itemReused(queue.key, 'cached');
      return;
    }
    const same = this.#reuse.jobInFlight(key);
    if (same === undefined) {
      const job = new Job(item, rank, key);
      job.join(waiter);
      queue.add(job);
      this.#reuse.begin(job);
      return;
    }
    same.join(waiter);
    this.#options.observer.itemReused(queue.key, 'shared');
    // It stands where the first of those who want it would.
    if (rank < same.rank && queue.remove(same)) {
      same.rank = rank;
      queue.add(same);
    }
  }

  #dispatch(): void {
    for (let executor = this.#executors.nextIdle; executor !== null; executor = this.#executors.nextIdle) {
      const batch = this.#lost.next() ?? this.#nextBatch(this.#now());
      if (batch === null) return;
      void this.#run(executor, batch);
    }
  }

  /** Null where nothing waits, or what does is held for company. */
  #nextBatch(now: number): SuspectBatch | null {
    const ranAt = now + this.#executors.wayMs;
    for (const queue of this.#queues.all) for (const late of queue.hopeless(ranAt)) this.#endLate(late);
    for (let queue = this.#queues.next(now); queue !== null; queue = this.#queues.next(now)) {
      const jobs = queue.plan(now, this.#queues.contested(queue, now));
      if (!queue.hold(jobs, now, () => this.#dispatch())) return { queue, jobs, losses: 0 };
    }
    return null;
  }

  async #run(executor: Executor, batch: SuspectBatch): Promise<void> {
    const { queue, jobs } = batch;
    const startedAt = this.#now();
    const predictedMs = queue.takeBatch(jobs);
    queue.served += predictedMs;
    this.#executors.begin(executor, startedAt + predictedMs);
    this.#admission.observeStart(jobs, startedAt);
    const isLone = this.#executors.isLone && this.#queues.isEmpty && this.#sole.begin({ startedAt, predictedMs });
    const items = jobs.map(({ item }) => item);
    const outcome = await executor.run({ versionKey: queue.key, items, isLone }).catch(toError);
    void this.#executors.end(executor, 'rest' in outcome ? outcome.rest : undefined)?.then(() => this.#dispatch());
    this.#lost.end(batch);
    if (outcome instanceof ExecutorLostError) this.#retry(batch, outcome);
    // The next batch goes out before this one's answers are written: the worker does not wait for them.
    this.#dispatch();
    if (!(outcome instanceof Error)) this.#answer(queue, jobs, { worker: executor.id, startedAt, result: outcome });
    else if (!(outcome instanceof ExecutorLostError)) this.#failAll(jobs, outcome);
    this.#settleDrain();
  }

  #answer(queue: VersionQueue, jobs: readonly Job[], run: FinishedRun): void {
    const { outcomes, collateMs, runMs, isWide = false } = run.result;
    this.#executors.observeHandover(this.#now() - run.startedAt - collateMs - runMs);
    this.#options.observer.batchRan(ranBatch(queue.key, jobs, run));
    this.#sole.end(run, this.#now());
    if (!isWide) queue.cost.observe(jobs.length, Math.max(...jobs.map(({ size }) => size)), collateMs + runMs);
    for (const [at, job] of jobs.entries()) {
      const outcome = outcomes[at];
      this.#reuse.end(job, outcome?.ok ? outcome.output : null);
      if (outcome?.ok) {
        for (const [order, { submission, index }] of job.waiters.entries()) {
          submission.succeed(index, {
            output: outcome.output,
            queueMs: waitedMs(submission, run.startedAt),
            runMs: collateMs + runMs,
            batchItems: jobs.length,
            from: order === 0 ? 'run' : 'shared',
          });
          if (submission.settled) this.#active.remove(submission);
        }
      } else {
        const message = `This is a bug: ${outcomes.length} outcomes for a batch of ${jobs.length}`;
        this.#failJob(job, outcome?.error ?? { code: 'SERVAL_INTERNAL', message });
      }
    }
  }

  /** The worker ended: the items run again, those apart that did so alone too often. */
  #retry(batch: SuspectBatch, lost: ExecutorLostError): void {
    for (const { job, error } of this.#lost.add(batch, lost)) {
      this.#reuse.end(job, null);
      this.#failJob(job, error);
    }
  }

  #failAll(jobs: readonly Job[], error: Error): void {
    const failure = batchError(error);
    for (const job of jobs) {
      this.#reuse.end(job, null);
      for (const { submission } of [...job.waiters]) this.#end(submission, failure, 'sibling_failed');
    }
  }

  /** An item's own error; each request hears which of its inputs it was. */
  #failJob(job: Job, error: ErrorData): void {
    for (const { submission, index } of [...job.waiters])
      this.#end(submission, inputError(index, error), 'sibling_failed');
  }

  /** Fails a request, and takes what waits of it out of the queue. */
  #end(submission: Submission, error: Error, reason: DropReason): void {
    if (submission.settled) return;
    submission.fail(error);
    this.#active.remove(submission);
    const queue = this.#queues.get(submission.versionKey);
    for (const job of submission.jobs) {
      job.leave(submission);
      if (!job.abandoned || !(queue?.remove(job) || this.#lost.remove(job))) continue;
      this.#reuse.end(job, null);
      this.#options.observer.itemDropped(submission.versionKey, reason);
    }
    this.#settleDrain();
  }

  #endLate(submission: Submission): void {
    this.#admission.observeWait(submission, this.#now());
    this.#end(submission, deadlineExceeded(submission), 'deadline');
  }

  #settleDrain(): void {
    if (this.#active.count > 0 || this.#executors.running > 0) return;
    this.#emptied.resolve();
    this.#emptied = Promise.withResolvers();
  }
}

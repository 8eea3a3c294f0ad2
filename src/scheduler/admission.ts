import { ServalError } from '../errors.ts';
import type { Job } from './job.ts';
import type { Submission } from './submission.ts';
import type { VersionQueue } from './version-queue.ts';
import { WaitCorrection } from './wait-correction.ts';

export interface AdmissionLimits {
  readonly maxQueueItems: number;
  /** Predicted ms that a new item may have to wait for a worker. */
  readonly maxQueueMs: number;
  readonly maxQueueBytes: number;
}

/** The load at one moment. */
export interface Load {
  readonly queues: readonly VersionQueue[];
  readonly workers: number;
  /** Predicted ms until a worker is free; 0 where one is. */
  readonly firstFreeMs: number;
}

/** What a request brings. */
export interface Arrival {
  readonly queue: VersionQueue;
  /** Place in the queue of its first item. */
  readonly rank: number;
  readonly items: number;
  readonly bytes: number;
  /** Predicted worker time in ms of its items one by one, and of the longest of them. */
  readonly workMs: number;
  readonly longestMs: number;
  readonly timeoutMs: number;
}

/** When a request came, and how long it was to wait. */
type Waiting = Pick<Submission, 'predictedWaitMs' | 'submittedAt'>;

/**
 * Refuses at the door what could not be answered in time: work that would be thrown away later costs the others their
 * deadlines. A refusal says when to come back.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #waits = new WaitCorrection();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Before a body is read: whether anything at all would be taken in. The version is not known yet, so the wait is that
   * of the shortest queue.
   * @param timeoutMs as the headers say; null where they do not.
   * @throws ServalError SERVAL_OVERLOADED
   */
  checkDoor(load: Load, timeoutMs: number | null): void {
    this.#checkBounds(load, { items: 1, bytes: 0 });
    if (timeoutMs === null || load.queues.length === 0) return;
    const shortestMs = Math.min(...load.queues.map((queue) => queue.waitingMs));
    const waitMs = this.#waits.correct(load.firstFreeMs + shortestMs / load.workers);
    if (waitMs > timeoutMs) throw overloaded(waitMs, timeoutMs);
  }

  /**
   * @returns ms that it will wait by its items' and the others' predicted work alone, for {@link observeStart}.
   * @throws ServalError SERVAL_OVERLOADED
   */
  checkArrival(load: Load, arrival: Arrival): number {
    this.#checkBounds(load, arrival);
    const { workMs, longestMs, timeoutMs } = arrival;
    const waitMs = waitOf(load, arrival);
    // Items of one request run side by side; none is done before it has run.
    const finishMs = this.#waits.correct(waitMs) + Math.max(longestMs, workMs / load.workers);
    if (finishMs > timeoutMs) throw overloaded(finishMs, timeoutMs);
    return waitMs;
  }

  /** Takes in how long those whose items begin to run have waited: a request's further items wait for its first ones. */
  observeStart(jobs: readonly Pick<Job, 'waiters'>[], now: number): void {
    for (const { waiters } of jobs) {
      const [first] = waiters;
      if (first?.index === 0) this.observeWait(first.submission, now);
    }
  }

  /** Takes in how long a request has waited, be it in vain. */
  observeWait({ predictedWaitMs, submittedAt }: Waiting, now: number): void {
    this.#waits.observe(predictedWaitMs, now - submittedAt);
  }

  #checkBounds({ queues, workers }: Load, { items, bytes }: { items: number; bytes: number }): void {
    const { maxQueueItems, maxQueueMs, maxQueueBytes } = this.#limits;
    const sum = (value: (queue: VersionQueue) => number) => queues.reduce((total, queue) => total + value(queue), 0);
    const waitMs = sum((queue) => queue.waitingMs) / workers;
    const full =
      sum((queue) => queue.length) + items > maxQueueItems ||
      waitMs > maxQueueMs ||
      sum((queue) => queue.waitingBytes) + bytes > maxQueueBytes;
    if (!full) return;
    const message = `The queue is full; send the request again in ${(waitMs / 1000).toFixed(1)} s.`;
    throw new ServalError('SERVAL_OVERLOADED', message, retry(waitMs));
  }
}

/** Predicted ms until a worker takes the arrival: what stands before it, and its share of the other versions' work. */
function waitOf({ queues, workers, firstFreeMs }: Load, { queue, rank, workMs }: Arrival): number {
  const before = queue.msBefore(rank);
  let others = 0;
  // Versions take turns, so each of the others gets as much time meanwhile as this one, if it has work for it.
  for (const other of queues) if (other !== queue) others += Math.min(other.waitingMs, before + workMs);
  return firstFreeMs + (before + others) / workers;
}

function overloaded(predictedMs: number, timeoutMs: number): ServalError {
  const predicted = Math.ceil(predictedMs);
  const message = `The answer would take about ${predicted} ms, ${timeoutMs} ms are allowed; send the request again later.`;
  const { details, retryAfterSeconds } = retry(predictedMs - timeoutMs);
  return new ServalError('SERVAL_OVERLOADED', message, {
    retryAfterSeconds,
    details: { ...details, predictedMs: predicted, timeoutMs },
  });
}

/** Retry-After knows whole seconds only; the exact figure is among the details. */
function retry(afterMs: number) {
  const retryAfterMs = Math.max(1, Math.ceil(afterMs));
  return { retryAfterSeconds: Math.max(1, Math.ceil(afterMs / 1000)), details: { retryAfterMs } };
}

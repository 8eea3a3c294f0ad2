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
  /** ms of it that are over. */
  readonly waitedMs: number;
}

/** One who asks at the door. */
export interface Asking {
  /** Of the version; null where it is not known yet. */
  readonly queue: VersionQueue | null;
  /** Null where the request does not say. */
  readonly timeoutMs: number | null;
  /** ms of it that are over. */
  readonly waitedMs: number;
}

/** A short deadline is not refused for what its item may turn out to cost. */
const MAX_LEFT_SHARE = 0.05;

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
   * Before a request is read or encoded: whether one more item would be taken in at all. Where the version is not known, the
   * wait is that of the shortest queue; where it is, an item of the usual size must still have time to run.
   * @throws ServalError SERVAL_OVERLOADED
   */
  checkDoor(load: Load, { queue, timeoutMs, waitedMs }: Asking): void {
    this.#checkBounds(load, { items: 1, bytes: 0 });
    if (timeoutMs === null || load.queues.length === 0) return;
    const finishMs = waitedMs + (queue === null ? this.#shortestMs(load) : this.#usualMs(load, queue, timeoutMs));
    if (finishMs > timeoutMs) throw overloaded(finishMs, timeoutMs);
  }

  /** Whether the door is shut for any version, to those who allow as much. */
  mayRefuse(load: Load, timeoutMs: number): boolean {
    const waitMs = load.firstFreeMs + sumOf(load.queues, 'waitingMs') / load.workers;
    return this.#waits.correct(waitMs) > (1 - MAX_LEFT_SHARE) * timeoutMs;
  }

  /**
   * @returns ms that it will wait by its items' and the others' predicted work alone, for {@link observeStart}.
   * @throws ServalError SERVAL_OVERLOADED
   */
  checkArrival(load: Load, arrival: Arrival): number {
    this.#checkBounds(load, arrival);
    const { workMs, longestMs, timeoutMs, waitedMs } = arrival;
    const waitMs = waitOf(load, arrival);
    // Items of one request run side by side; none is done before it has run.
    const finishMs = waitedMs + this.#waits.correct(waitMs) + Math.max(longestMs, workMs / load.workers);
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

  /** Until a worker takes an item of whichever version has the shortest queue. */
  #shortestMs({ queues, workers, firstFreeMs }: Load): number {
    return this.#waits.correct(firstFreeMs + Math.min(...queues.map(({ waitingMs }) => waitingMs)) / workers);
  }

  /** Until an item of the usual size that stands last has run; it is given twice its time, where the deadline is not short. */
  #usualMs(load: Load, queue: VersionQueue, timeoutMs: number): number {
    const waitMs = waitOf(load, { queue, rank: Infinity, workMs: queue.usualMs });
    return this.#waits.correct(waitMs) + Math.min(2 * queue.usualMs, MAX_LEFT_SHARE * timeoutMs);
  }

  #checkBounds({ queues, workers }: Load, { items, bytes }: { items: number; bytes: number }): void {
    const { maxQueueItems, maxQueueMs, maxQueueBytes } = this.#limits;
    const waitMs = sumOf(queues, 'waitingMs') / workers;
    const full =
      sumOf(queues, 'length') + items > maxQueueItems ||
      waitMs > maxQueueMs ||
      sumOf(queues, 'waitingBytes') + bytes > maxQueueBytes;
    if (!full) return;
    const message = `The queue is full; send the request again in ${(waitMs / 1000).toFixed(1)} s.`;
    throw new ServalError('SERVAL_OVERLOADED', message, retry(waitMs));
  }
}

type Standing = Pick<Arrival, 'queue' | 'rank' | 'workMs'>;

function sumOf(queues: readonly VersionQueue[], figure: 'length' | 'waitingMs' | 'waitingBytes'): number {
  let total = 0;
  for (const queue of queues) total += queue[figure];
  return total;
}

/** Predicted ms until a worker takes the arrival: what stands before it, and its share of the other versions' work. */
function waitOf({ queues, workers, firstFreeMs }: Load, { queue, rank, workMs }: Standing): number {
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

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { type HttpAnswer, HttpConnection } from './http-connection.ts';
import { type HttpRequest, toBytes } from './http-request.ts';
import { poissonArrivals } from './poisson.ts';
import { Random } from './random.ts';
import { percentile } from './statistics.ts';

export interface OpenLoopOptions {
  readonly host: string;
  readonly port: number;
  /** The request sent as number `at` of the run. */
  readonly request: (at: number) => HttpRequest;
  /** Requests a second, on average. */
  readonly rate: number;
  /** What is counted: requests due in so many seconds. Before and after them the load is the same, but not counted. */
  readonly seconds: number;
  /** An answer that comes later is of no use: the client goes away. */
  readonly deadlineMs: number;
  /** Share of the requests that open a connection of their own, 0 to 1. */
  readonly newConnectionShare: number;
  readonly seed: number;
  /** @throws Error where an answer must not have been given. */
  readonly check: (answer: HttpAnswer) => void;
}

export interface OpenLoopReport {
  /** Requests that were due in the seconds that count. */
  readonly sent: number;
  /** Useful answers: 2xx within the deadline. */
  readonly inTime: number;
  /** Useful answers a second. */
  readonly goodput: number;
  /** How many requests got each status; `late` past the deadline, `broken` where the connection failed. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of the useful answers, from the intended send time. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** How late the generator itself was: a machine too busy for it makes every server look slow. */
  readonly lagP99Ms: number;
  /** Useful answers of the whole run, for what one costs. */
  readonly usefulOverall: number;
  /** Of answers 429 on connections that were open, from the moment they were really sent; NaN where there were none. */
  readonly refusalP99Ms: number;
}

/** Connections kept open at most: far more than any of the servers works on at once. */
const MAX_KEPT = 2_000;
/** The load begins before the seconds that count, so that queues are as full as they get, and goes on after them. */
const MAX_MARGIN_MS = 1_000;
/** A generator that is behind still has to read answers. */
const YIELD_EVERY_MS = 2;

/**
 * Sends requests when they are due, whether or not earlier ones were answered. The latency of a request counts from
 * the time it was due: a generator that waits for the server would leave out what users wait (coordinated omission).
 * Timers fire up to 1 ms late, which counts as latency, for each server alike.
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<OpenLoopReport> {
  const loop = new OpenLoop(options);
  return loop.run();
}

interface Due {
  readonly dueAt: number;
  readonly isNew: boolean;
  /** Whether it is due in the seconds that count. */
  readonly counts: boolean;
}

class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #kept: HttpConnection[] = [];
  #keptCount = 0;
  readonly #statuses: Record<string, number> = {};
  readonly #latencies: number[] = [];
  readonly #refusals: number[] = [];
  readonly #lags: number[] = [];
  #sent = 0;
  #usefulOverall = 0;
  #fault: unknown = null;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
  }

  async run(): Promise<OpenLoopReport> {
    const { seconds, seed, deadlineMs, rate, newConnectionShare } = this.#options;
    const marginMs = Math.min(deadlineMs, MAX_MARGIN_MS);
    const endMs = marginMs + seconds * 1000;
    const arrivals = poissonArrivals({ rate, seconds: (endMs + marginMs) / 1000, seed });
    const random = new Random(seed + 1);
    const begun = performance.now();
    const inFlight: Promise<void>[] = [];
    let yieldedAt = begun;
    for (const [at, due] of arrivals.entries()) {
      const wait = begun + due - performance.now();
      if (wait > 0 || performance.now() - yieldedAt > YIELD_EVERY_MS) {
        await (wait > 0 ? delay(wait) : nextTurn());
        yieldedAt = performance.now();
      }
      const counts = due >= marginMs && due < endMs;
      if (counts) this.#sent += 1;
      const isNew = random.next() < newConnectionShare;
      inFlight.push(this.#send(at, { dueAt: begun + due, isNew, counts }));
      if (this.#fault !== null) break;
    }
    await Promise.all(inFlight);
    for (const connection of this.#kept) connection.close();
    if (this.#fault !== null) throw this.#fault;
    return {
      sent: this.#sent,
      inTime: this.#latencies.length,
      goodput: this.#latencies.length / seconds,
      statuses: this.#statuses,
      latencyMs: { p50: percentile(this.#latencies, 0.5), p99: percentile(this.#latencies, 0.99) },
      lagP99Ms: percentile(this.#lags, 0.99),
      usefulOverall: this.#usefulOverall,
      refusalP99Ms: percentile(this.#refusals, 0.99),
    };
  }

  async #send(at: number, { dueAt, isNew, counts }: Due): Promise<void> {
    const { host, port, deadlineMs, request, check } = this.#options;
    const { connection, isReused } = this.#connection(isNew);
    let isLate = false;
    const timer = setTimeout(
      () => {
        isLate = true;
        connection.close();
      },
      Math.max(0, dueAt + deadlineMs - performance.now()),
    );
    const sentAt = performance.now();
    if (counts) this.#lags.push(sentAt - dueAt);
    try {
      const answer = await connection.send(toBytes(request(at), { host, port, closes: isNew }));
      const now = performance.now();
      const isUseful = answer.status >= 200 && answer.status < 300 && now - dueAt <= deadlineMs;
      if (isUseful) {
        check(answer);
        this.#usefulOverall += 1;
      }
      if (!counts) return;
      if (isUseful) this.#latencies.push(now - dueAt);
      if (answer.status === 429 && isReused) this.#refusals.push(now - sentAt);
      this.#count(now - dueAt <= deadlineMs ? String(answer.status) : 'late');
    } catch (error) {
      if (error instanceof DishonestRun) this.#fault = error;
      else if (counts) this.#count(isLate ? 'late' : 'broken');
    } finally {
      clearTimeout(timer);
      this.#release(connection, isNew);
    }
  }

  #connection(isNew: boolean): { connection: HttpConnection; isReused: boolean } {
    for (let kept = isNew ? undefined : this.#kept.pop(); kept !== undefined; kept = this.#kept.pop()) {
      if (kept.isOpen) return { connection: kept, isReused: true };
      this.#keptCount -= 1;
    }
    if (!isNew) this.#keptCount += 1;
    return { connection: new HttpConnection(this.#options), isReused: false };
  }

  #release(connection: HttpConnection, isNew: boolean): void {
    if (!isNew && connection.isOpen && this.#keptCount <= MAX_KEPT) {
      this.#kept.push(connection);
      return;
    }
    if (!isNew) this.#keptCount -= 1;
    connection.close();
  }

  #count(status: string): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
  }
}

/** Thrown by a check: the run is worth nothing, whatever its figures. */
export class DishonestRun extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DishonestRun';
  }
}

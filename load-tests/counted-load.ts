import { setTimeout as delay } from 'node:timers/promises';
import { type HttpAnswer, HttpConnection } from './http-connection.ts';
import { type HttpRequest, toBytes } from './http-request.ts';
import { Random } from './random.ts';
import { percentile } from './statistics.ts';

/**
 * An open loop of which every request is accounted for: what it was answered with, or how it was lost. It runs until it
 * is told to stop, so that faults can be injected meanwhile.
 */

export interface CountedLoadOptions {
  readonly port: number;
  /** Requests a second, on average: a Poisson process. */
  readonly rate: number;
  readonly request: (at: number) => HttpRequest;
  /** What is wrong with an answer 200 to the request of that number; null for nothing. */
  readonly check: (answer: HttpAnswer, at: number) => string | null;
  readonly seed?: number;
}

export interface CountedReport {
  readonly sent: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests whose connection, one that had been used before, broke before the answer. */
  readonly lost: number;
  /** Requests on a connection of their own that was refused, or closed before it was answered: never accepted. */
  readonly refused: number;
  readonly wrong: readonly string[];
  /** From the time a request was due to its answer 200. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const HOST = '127.0.0.1';
/** Enough of what was wrong to see what it was. */
const MAX_WRONG = 20;

export class CountedLoad {
  readonly #options: CountedLoadOptions;
  readonly #kept: HttpConnection[] = [];
  readonly #statuses: Record<string, number> = {};
  readonly #wrong: string[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #latencies: number[] = [];
  #sent = 0;
  #lost = 0;
  #refused = 0;
  #isOver = false;

  constructor(options: CountedLoadOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  /** Latencies from now on: those before belong to another part of the run. @returns the p99 in ms of those before. */
  mark(): number {
    const p99 = percentile(this.#latencies, 0.99);
    this.#latencies = [];
    return p99;
  }

  get sent(): number {
    return this.#sent;
  }

  /** No further requests; resolves when all are accounted for. */
  async stop(): Promise<CountedReport> {
    this.#isOver = true;
    await this.#loop;
    await Promise.all(this.#inFlight);
    for (const connection of this.#kept) connection.close();
    return {
      sent: this.#sent,
      statuses: this.#statuses,
      lost: this.#lost,
      refused: this.#refused,
      wrong: this.#wrong,
      p50Ms: percentile(this.#latencies, 0.5),
      p99Ms: percentile(this.#latencies, 0.99),
    };
  }

  async #run(): Promise<void> {
    const { rate, seed = 1 } = this.#options;
    const random = new Random(seed);
    let dueAt = performance.now();
    while (!this.#isOver) {
      dueAt += (-Math.log(1 - random.next()) / rate) * 1000;
      // At least a turn of the event loop, so that answers are read.
      await delay(Math.max(0, dueAt - performance.now()));
      if (this.#isOver) return;
      const sending: Promise<void> = this.#send(this.#sent++, dueAt).finally(() => this.#inFlight.delete(sending));
      this.#inFlight.add(sending);
    }
  }

  async #send(at: number, dueAt: number): Promise<void> {
    const { port, request, check } = this.#options;
    let connection = this.#kept.pop();
    while (connection !== undefined && !connection.isOpen) connection = this.#kept.pop();
    const isReused = connection !== undefined;
    connection ??= new HttpConnection({ host: HOST, port });
    try {
      const answer = await connection.send(toBytes(request(at), { host: HOST, port, closes: false }));
      this.#statuses[answer.status] = (this.#statuses[answer.status] ?? 0) + 1;
      if (answer.status === 200) {
        this.#latencies.push(performance.now() - dueAt);
        const fault = check(answer, at);
        if (fault !== null && this.#wrong.length < MAX_WRONG) this.#wrong.push(fault);
      }
      if (connection.isOpen) this.#kept.push(connection);
    } catch {
      connection.close();
      if (isReused) this.#lost += 1;
      else this.#refused += 1;
    }
  }
}

/** Answers a second that the server gives to so many connections, each with one request after another. */
export async function capacityOf(
  options: Pick<CountedLoadOptions, 'port' | 'request'>,
  { connections = 16, seconds = 5 } = {},
): Promise<number> {
  const { port, request } = options;
  let answered = 0;
  let next = 0;
  const endAt = performance.now() + seconds * 1000;
  const client = async () => {
    const connection = new HttpConnection({ host: HOST, port });
    while (performance.now() < endAt) {
      const { status } = await connection.send(toBytes(request(next++), { host: HOST, port, closes: false }));
      if (status === 200) answered += 1;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, client));
  return answered / seconds;
}

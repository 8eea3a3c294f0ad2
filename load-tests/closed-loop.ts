import autocannon from 'autocannon';
import type { HttpRequest } from './http-request.ts';
import { DishonestRun } from './open-loop.ts';
import { percentile } from './statistics.ts';

export interface ClosedLoopOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** The requests that a connection sends, over and over. */
  readonly requests: (connection: number) => readonly HttpRequest[];
  /** @throws Error where an answer must not have been given. */
  readonly check: (answer: { status: number; body: string; headers: Headers }) => void;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface ClosedLoopReport {
  readonly answered: number;
  /** Answers a second. */
  readonly rate: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

/** So many connections, each sending its next request when the last one was answered (autocannon). */
export async function runClosedLoop(options: ClosedLoopOptions): Promise<ClosedLoopReport> {
  const { url, connections, seconds, requests, check } = options;
  let next = 0;
  let fault: unknown = null;
  const latencies: number[] = [];
  let begun = Number.NaN;
  let took = Number.NaN;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const onResponse = (status: number, body: string, _context: object, headers: Headers = {}) => {
      try {
        check({ status, body, headers });
      } catch (error) {
        fault ??= error;
      }
    };
    const options: autocannon.Options = {
      url,
      connections,
      duration: seconds,
      timeout: 60,
      setupClient: (client) => {
        const own = requests(next);
        next += 1;
        client.setRequests(own.map((request) => ({ method: 'POST', ...request, onResponse })));
      },
    };
    const done = (error: unknown, report: autocannon.Result) => {
      took = (performance.now() - begun) / 1000;
      if (error) reject(error);
      else resolve(report);
    };
    const instance = autocannon(options, done);
    // Its own clock already runs while the requests are made.
    instance.on('start', () => {
      begun = performance.now();
    });
    // Its own histogram has whole milliseconds.
    instance.on('response', (_client, _status, _bytes, ms) => latencies.push(ms));
  });
  if (fault !== null) throw fault;
  if (result.errors > 0 || result.non2xx > 0) {
    throw new DishonestRun(`${result.errors} connections failed, ${result.non2xx} answers were not 2xx`);
  }
  return {
    answered: latencies.length,
    rate: latencies.length / took,
    latencyMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
  };
}

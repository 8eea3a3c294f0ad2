import { Counter, Histogram, type Registry } from 'prom-client';
import type { AnsweredRequest } from '../http/http-observer.ts';
import { SECONDS, STEP_SECONDS } from './buckets.ts';

/** Of every metric that is counted by version. */
export const VERSION_LABELS = ['model', 'version'] as const;

/** What is counted of requests that were answered, however they were. */
export class RequestMetrics {
  readonly #requests: Counter<'protocol' | 'method' | 'route' | 'status' | 'model' | 'version'>;
  readonly #requestSeconds: Histogram<'protocol' | 'route' | 'model' | 'version'>;
  readonly #encodeSeconds: Histogram<'model' | 'version'>;
  readonly #imageBytes: Counter<'model' | 'version'>;
  readonly #rejections: Counter<'reason'>;

  constructor(registers: Registry[]) {
    this.#requests = new Counter({
      name: 'serval_requests_total',
      help: 'Requests answered, by protocol, route, status and the version that served them.',
      labelNames: ['protocol', 'method', 'route', 'status', 'model', 'version'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'serval_request_duration_seconds',
      help: 'Time from a request’s headers to the end of its answer.',
      labelNames: ['protocol', 'route', ...VERSION_LABELS],
      buckets: SECONDS,
      registers,
    });
    this.#encodeSeconds = new Histogram({
      name: 'serval_encode_duration_seconds',
      help: 'Time to encode a request’s inputs in the main process.',
      labelNames: VERSION_LABELS,
      buckets: STEP_SECONDS,
      registers,
    });
    this.#imageBytes = new Counter({
      name: 'serval_image_bytes_total',
      help: 'Bytes of the image files that were taken in.',
      labelNames: VERSION_LABELS,
      registers,
    });
    this.#rejections = new Counter({
      name: 'serval_rejections_total',
      help: 'Requests that were not served, by the code of their error.',
      labelNames: ['reason'],
      registers,
    });
  }

  /** Counters once for all that are alike and came one after another: of a flood that is refused, that is nearly all. */
  count(answered: readonly AnsweredRequest[]): void {
    let from = 0;
    for (const [at, request] of answered.entries()) {
      const next = answered[at + 1];
      if (next !== undefined && isAlike(request, next)) continue;
      this.#countAlike(request, answered.slice(from, at + 1));
      from = at + 1;
    }
  }

  #countAlike(request: AnsweredRequest, all: readonly AnsweredRequest[]): void {
    const { protocol, method, route, statusCode, errorCode, served } = request;
    const model = served?.model ?? '';
    const version = served === null ? '' : String(served.version);
    this.#requests.inc({ protocol, method, route, status: statusCode, model, version }, all.length);
    const labels = { protocol, route, model, version };
    for (const { seconds } of all) this.#requestSeconds.observe(labels, seconds);
    if (served !== null) this.#countServed({ model, version }, all);
    if (errorCode !== null) this.#rejections.inc({ reason: errorCode }, all.length);
  }

  #countServed(labels: { model: string; version: string }, all: readonly AnsweredRequest[]): void {
    let bytes = 0;
    for (const { served } of all) {
      this.#encodeSeconds.observe(labels, served?.encodeSeconds ?? 0);
      bytes += served?.imageBytes ?? 0;
    }
    if (bytes > 0) this.#imageBytes.inc(labels, bytes);
  }
}

/** Whether two requests have the same labels. */
function isAlike(a: AnsweredRequest, b: AnsweredRequest): boolean {
  return (
    a.route === b.route &&
    a.statusCode === b.statusCode &&
    a.errorCode === b.errorCode &&
    a.protocol === b.protocol &&
    a.method === b.method &&
    a.served?.model === b.served?.model &&
    a.served?.version === b.served?.version
  );
}

import { type Attributes, type Context, type Span, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { AnsweredRequest } from '../http/http-observer.ts';
import type { EndedInference } from '../pipelines/inference-observer.ts';
import { parseVersionKey } from '../repository/manifest.ts';
import type { RanBatch } from '../scheduler/observer.ts';
import type { Submission } from '../scheduler/submission.ts';
import type { EpochClock } from './epoch-clock.ts';

export interface SpannedRequestOptions {
  readonly span: Span;
  /** The span's, which children are begun in. */
  readonly context: Context;
  readonly tracer: Tracer;
  readonly clock: EpochClock;
}

/** A request's part of a batch. */
export interface BatchPart {
  /** Equal for all requests in the batch. */
  readonly id: string;
  readonly batch: RanBatch;
  readonly items: number;
  /** Of them, those that another request had asked for before. */
  readonly shared: number;
}

const FIRST_SERVER_ERROR = 500;
const FIRST_ERROR = 400;
const GRPC_ROUTE = /^\/(inference\.\w+)\/(\w+)$/;

/** One traced request: its span, and the children that it gets when their times are known. */
export class SpannedRequest {
  readonly #options: SpannedRequestOptions;
  /** What was queued and has not run. */
  readonly #waiting = new Set<Submission>();

  constructor(options: SpannedRequestOptions) {
    this.#options = options;
  }

  queued(submission: Submission): void {
    this.#waiting.add(submission);
  }

  ran(submission: Submission, { id, batch, items, shared }: BatchPart): void {
    const { clock } = this.#options;
    const { versionKey, startedAt, collateMs, runMs } = batch;
    this.#waiting.delete(submission);
    const { model, version } = parseVersionKey(versionKey);
    const attributes = {
      'serval.model': model,
      'serval.version': Number(version),
      'serval.batch.id': id,
      'serval.batch.items': batch.items,
      'serval.items': items,
      ...(shared === 0 ? {} : { 'serval.items.shared': shared }),
    };
    const sent = clock.at(startedAt);
    this.#child('queue', { from: clock.at(submission.submittedAt), to: sent }, attributes);
    const inWorker = { ...attributes, 'serval.worker': batch.worker };
    const begun = this.#begunAt(batch, sent);
    this.#child('collate', { from: begun, to: begun + collateMs }, inWorker);
    this.#child('run', { from: begun + collateMs, to: begun + collateMs + runMs }, inWorker);
  }

  /** Encode and decode, at the two ends of what has just ended. */
  inferenceEnded({ ok, begunAt, endedAt, encodeMs, decodeMs }: EndedInference): void {
    if (!ok) return;
    const { clock } = this.#options;
    const begun = clock.at(begunAt);
    const ended = clock.at(endedAt);
    this.#child('encode', { from: begun, to: begun + encodeMs });
    if (decodeMs > 0) this.#child('decode', { from: ended - decodeMs, to: ended });
  }

  end(answered: AnsweredRequest): void {
    const { span, clock } = this.#options;
    const now = clock.at(performance.now());
    const { method, route, statusCode, errorCode, served, protocol } = answered;
    for (const { submittedAt, versionKey } of this.#waiting) {
      if (errorCode === null) break;
      const { model, version } = parseVersionKey(versionKey);
      const attributes = { 'serval.model': model, 'serval.version': Number(version), 'error.type': errorCode };
      this.#child('queue', { from: clock.at(submittedAt), to: now }, attributes);
    }
    const [, service, call] = GRPC_ROUTE.exec(route) ?? [];
    span.updateName(call === undefined ? `${method} ${route}` : `${service}/${call}`);
    span.setAttributes({
      'serval.protocol': protocol,
      ...(service === undefined || call === undefined
        ? { 'http.request.method': method, 'http.route': route, 'http.response.status_code': statusCode }
        : { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': call }),
      ...(served === null
        ? {}
        : { 'serval.model': served.model, 'serval.version': served.version, 'serval.items': served.items }),
      ...(errorCode === null || statusCode < FIRST_ERROR ? {} : { 'error.type': errorCode }),
    });
    // A client's own mistake is no error of the server, as OpenTelemetry has it.
    if (statusCode >= FIRST_SERVER_ERROR) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(now);
  }

  /** As the worker told it, as far as that can be: its clock may be another's by some ms. */
  #begunAt({ begunAt, collateMs, runMs }: RanBatch, sent: number): number {
    const latest = this.#options.clock.at(performance.now()) - collateMs - runMs;
    return Math.max(sent, Math.min(begunAt ?? sent, latest));
  }

  #child(
    name: string,
    { from, to }: { readonly from: number; readonly to: number },
    attributes: Attributes = {},
  ): void {
    const { tracer, context } = this.#options;
    tracer.startSpan(name, { startTime: from, attributes }, context).end(Math.max(from, to));
  }
}

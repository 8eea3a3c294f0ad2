import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { ROOT_CONTEXT, SpanKind, type TextMapGetter, type Tracer, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import packageJson from '../../package.json' with { type: 'json' };
import type { RequestTrace, RequestTracer, TraceHeaders } from '../http/http-observer.ts';
import type { EndedInference, InferenceObserver } from '../pipelines/inference-observer.ts';
import type { Job } from '../scheduler/job.ts';
import type { BatchListener } from '../scheduler/joined-observers.ts';
import type { RanBatch } from '../scheduler/observer.ts';
import type { Submission } from '../scheduler/submission.ts';
import { EpochClock } from './epoch-clock.ts';
import { ReportingExporter, type TracingLog } from './reporting-exporter.ts';
import { SpannedRequest } from './spanned-request.ts';

export interface TracingOptions {
  /** Share of the requests without a caller's decision that is traced. */
  readonly ratio: number;
  readonly log: TracingLog;
  /** OTLP over HTTP to where the standard variables say, unless given. */
  readonly exporter?: SpanExporter;
}

/** Spans that wait for their export; more are dropped, so that a collector that is down costs no memory. */
const MAX_WAITING_SPANS = 8_192;
const SEND_EVERY_MS = 1_000;
const STOP_MS = 3_000;
const BATCH_ID_BYTES = 4;

const HEADERS: TextMapGetter<TraceHeaders> = {
  keys: () => ['traceparent', 'tracestate'],
  get: (headers, key) => (key === 'traceparent' ? headers.traceparent : headers.tracestate) ?? undefined,
};

/** An untraced request costs nothing more. */
const UNTRACED: RequestTrace = { id: null, run: (work) => work(), end: () => {} };

/**
 * Requests as OpenTelemetry's spans, made of what observers hear:
 *
 *     POST /predict
 *       encode → queue → collate → run → decode
 *
 * A request whose items run in several batches has queue, collate and run once for each; `serval.batch.id` is equal in all
 * requests that shared a batch. Workers know nothing of traces: they tell when they began, and how long each part took.
 */
export class Tracing implements RequestTracer, InferenceObserver, BatchListener {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #current = new AsyncLocalStorage<SpannedRequest>();
  readonly #requests = new WeakMap<Submission, SpannedRequest>();
  readonly #clock = new EpochClock();
  readonly #batchPrefix = randomBytes(BATCH_ID_BYTES).toString('hex');
  #batches = 0;

  constructor({ ratio, log, exporter = new OTLPTraceExporter() }: TracingOptions) {
    const own = resourceFromAttributes({ 'service.name': packageJson.name, 'service.version': packageJson.version });
    this.#provider = new TracerProvider({
      // What the environment says goes before what is said here.
      resource: defaultResource()
        .merge(own)
        .merge(detectResources({ detectors: [envDetector] })),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new ReportingExporter(exporter, log),
          maxQueueSize: MAX_WAITING_SPANS,
          scheduledDelayMillis: SEND_EVERY_MS,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer(packageJson.name, packageJson.version);
  }

  begin(headers: TraceHeaders): RequestTrace {
    const parent =
      headers.traceparent === null ? ROOT_CONTEXT : this.#propagator.extract(ROOT_CONTEXT, headers, HEADERS);
    const startTime = this.#clock.at(performance.now());
    const span = this.#tracer.startSpan('request', { kind: SpanKind.SERVER, startTime }, parent);
    if (!span.isRecording()) return UNTRACED;
    const context = trace.setSpan(parent, span);
    const request = new SpannedRequest({ span, context, tracer: this.#tracer, clock: this.#clock });
    return {
      id: span.spanContext().traceId,
      run: (work) => this.#current.run(request, work),
      end: (answered) => request.end(answered),
    };
  }

  requestQueued(submission: Submission): void {
    const request = this.#current.getStore();
    if (request === undefined) return;
    this.#requests.set(submission, request);
    request.queued(submission);
  }

  batchRan(batch: RanBatch): void {
    const traced = this.#tracedIn(batch.jobs);
    if (traced.size === 0) return;
    this.#batches += 1;
    const id = `${this.#batchPrefix}-${this.#batches}`;
    for (const [submission, { request, items, shared }] of traced)
      request.ran(submission, { id, batch, items, shared });
  }

  inferenceEnded(inference: EndedInference): void {
    this.#current.getStore()?.inferenceEnded(inference);
  }

  /** Sends what is left, for so long. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STOP_MS);
    await Promise.race([this.#provider.shutdown().catch(() => {}), promise]);
    clearTimeout(timer);
  }

  /** The traced requests that a batch ran for, and how many of its items were theirs. */
  #tracedIn(jobs: readonly Job[]) {
    const traced = new Map<Submission, { request: SpannedRequest; items: number; shared: number }>();
    for (const { waiters } of jobs) {
      for (const [order, { submission }] of waiters.entries()) {
        const request = this.#requests.get(submission);
        if (request === undefined) continue;
        const counted = traced.get(submission) ?? { request, items: 0, shared: 0 };
        counted.items += 1;
        if (order > 0) counted.shared += 1;
        traced.set(submission, counted);
      }
    }
    return traced;
  }
}

import type { ProtocolName } from './protocols/error-shapes.ts';

/** What the HTTP server tells of its work; the same rules as for SchedulerObserver. */
export interface HttpObserver {
  requestAnswered(request: AnsweredRequest): void;
}

/** Follows single requests through the server, as traces do; the same rules. */
export interface RequestTracer {
  /** To be called when a request's headers are there. */
  begin(headers: TraceHeaders): RequestTrace;
}

/** What a caller that is traced itself says of its trace: https://www.w3.org/TR/trace-context/ */
export interface TraceHeaders {
  readonly traceparent: string | null;
  readonly tracestate: string | null;
}

export interface RequestTrace {
  /** The trace's name, for the log; null where this request is not traced. */
  readonly id: string | null;
  /** Runs what answers the request: what observers hear during it, and during what it begins, belongs to the request. */
  run<Result>(work: () => Result): Result;
  end(answered: AnsweredRequest): void;
}

export interface AnsweredRequest {
  readonly protocol: ProtocolName;
  readonly method: string;
  /** The route's pattern, never the client's path; `none` where no route took it. */
  readonly route: string;
  readonly statusCode: number;
  readonly seconds: number;
  readonly errorCode: string | null;
  readonly served: ServedRequest | null;
}

/** What a prediction used. */
export interface ServedRequest {
  /** As the request named it: `<model>.graph` for the bare graph of a model with a pipeline. */
  readonly model: string;
  readonly version: number;
  readonly items: number;
  readonly encodeSeconds: number;
  /** Bytes of its image files. */
  readonly imageBytes: number;
}

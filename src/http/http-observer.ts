import type { ProtocolName } from './protocols/error-shapes.ts';

/** What the HTTP server tells of its work; the same rules as for SchedulerObserver. */
export interface HttpObserver {
  requestAnswered(request: AnsweredRequest): void;
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

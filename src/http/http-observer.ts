import type { Manifest } from '../repository/manifest.ts';

/** What the HTTP server tells of its work; the same rules as for SchedulerObserver. */
export interface HttpObserver {
  requestAnswered(request: AnsweredRequest): void;
}

export interface AnsweredRequest {
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
  readonly manifest: Manifest;
  readonly items: number;
  readonly encodeSeconds: number;
  /** Bytes of its image files. */
  readonly imageBytes: number;
}

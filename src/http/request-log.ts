import type { AnsweredRequest } from './http-observer.ts';

/** What a request's line in the log says beside its answer. */
export interface LoggedRequest extends AnsweredRequest {
  readonly traceId?: string | null;
  /** Name of its API key. */
  readonly key?: string | null;
}

interface RequestLogger {
  info(fields: object, message: string): void;
}

/** Writes a request's one line. */
export function logAnswered(log: RequestLogger, answered: LoggedRequest): void {
  const { method, route, statusCode, seconds, errorCode, served, traceId = null, key = null } = answered;
  log.info(
    {
      method,
      route,
      status: statusCode,
      ms: Math.round(seconds * 100_000) / 100,
      ...(errorCode === null ? {} : { code: errorCode }),
      ...(traceId === null ? {} : { trace_id: traceId }),
      ...(key === null ? {} : { key }),
      ...(served === null ? {} : { model: served.model, version: served.version, items: served.items }),
    },
    'request',
  );
}

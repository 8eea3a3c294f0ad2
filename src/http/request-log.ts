import type { ServalError } from '../errors.ts';
import type { AnsweredRequest } from './http-observer.ts';

/** What a request's line in the log says beside its answer. */
export interface LoggedRequest extends AnsweredRequest {
  readonly traceId?: string | null;
  /** Name of its API key. */
  readonly key?: string | null;
}

/** The name of a request that came by HTTP. */
export function httpName({ method, route }: AnsweredRequest): object {
  return { method, route };
}

interface RequestLogger {
  info(fields: object, message: string): void;
}

interface FailureLogger {
  error(fields: object, message: string): void;
}

/** Writes what lies behind an error that is no fault of the client's, of which it hears nothing. */
export function logFailure(log: FailureLogger, { statusCode, code, cause }: ServalError, fields: object = {}): void {
  if (statusCode >= 500 && cause !== undefined) log.error({ ...fields, err: cause, code }, 'request failed');
}

/**
 * Writes a request's one line, whatever protocol it came by.
 * @param name what was asked for, in its protocol's terms.
 */
export function logAnswered(log: RequestLogger, name: object, answered: LoggedRequest): void {
  const { statusCode, seconds, errorCode, served, traceId = null, key = null } = answered;
  // Put together step by step: an object for each field that may be missing would cost as much as the line.
  const fields: Record<string, unknown> = { ...name };
  fields.status = statusCode;
  fields.ms = Math.round(seconds * 100_000) / 100;
  if (errorCode !== null) fields.code = errorCode;
  if (traceId !== null) fields.trace_id = traceId;
  if (key !== null) fields.key = key;
  if (served !== null) {
    fields.model = served.model;
    fields.version = served.version;
    fields.items = served.items;
  }
  log.info(fields, 'request');
}

import { type ErrorData, fromErrorData, ServalError } from '../errors.ts';
import type { Submission } from './submission.ts';

/** The errors that a request may end with while it is with the scheduler. */

export const LOST: ErrorData = {
  code: 'SERVAL_WORKER_LOST',
  message: 'Two workers ended while they ran it alone. Send another input.',
};

export const HUNG: ErrorData = {
  code: 'SERVAL_RUN_TIMEOUT',
  message: 'It ran beyond the limit on two workers. Send a smaller input.',
};

export function versionGone(): ServalError {
  return new ServalError('SERVAL_VERSION_NOT_READY', 'The version is no longer served.');
}

export function clientClosed(): ServalError {
  return new ServalError('SERVAL_CLIENT_CLOSED', 'The client went away.');
}

export function deadlineExceeded({ timeoutMs }: Pick<Submission, 'timeoutMs'>): ServalError {
  const message = `No answer within ${timeoutMs} ms. Send less at once, or allow more with timeout_ms.`;
  return new ServalError('SERVAL_DEADLINE_EXCEEDED', message, { details: { timeoutMs } });
}

/** An item's own error names its place in the request. */
export function inputError(index: number, error: ErrorData): ServalError {
  const { code, message, details } = fromErrorData(error);
  return new ServalError(code, `Input ${index}: ${message}`, { details: { input: index, ...Object(details) } });
}

/** What a batch as a whole failed with. */
export function batchError(error: Error): ServalError {
  return error instanceof ServalError ? error : new ServalError('SERVAL_INTERNAL', error.message, { cause: error });
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

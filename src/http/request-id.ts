import { randomUUID } from 'node:crypto';
import type { RequestHead } from './plain/plain-request.ts';

export const REQUEST_ID_HEADER = 'x-request-id';
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The client's own id where it is a plain one, else a new one. */
export function requestIdOf({ headers }: Pick<RequestHead, 'headers'>): string {
  const given = headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

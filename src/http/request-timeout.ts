import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import type { AppParts } from './app.ts';

/** The time that a client allows for its answer, in ms; every protocol takes it. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';

/**
 * Refuses a prediction before its body is read, where the queue is longer than the request may wait: a full queue costs a
 * client one round trip and the server next to nothing.
 */
export function doorHook({ door }: AppParts): onRequestHookHandler {
  return ({ headers }, reply, done) => {
    door.check({ versionKey: null, timeoutMs: timeoutOf(headers), waitedMs: reply.elapsedTime });
    done();
  };
}

/** The smallest wait that the headers allow; a header that is not a number is refused after the body, by the schema. */
function timeoutOf(headers: FastifyRequest['headers']): number | null {
  const ms = Number(headers[TIMEOUT_HEADER] ?? Number.NaN);
  return ms > 0 ? ms : null;
}

import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import type { AppParts } from './app.ts';

/** The time that a client allows for its answer, in ms; every protocol takes it. */
export const TIMEOUT_HEADER = 'x-request-timeout-ms';

/**
 * Refuses a prediction before its body is read, where the queue is longer than the request may wait: a full queue costs a
 * client one round trip and the server next to nothing.
 */
export function doorHook({ door, repository }: AppParts): onRequestHookHandler {
  return ({ headers, params }, reply, done) => {
    const timeoutMs = timeoutOf(headers);
    const key = timeoutMs === null ? null : keyOf(repository, params as PathNames);
    door.check({ versionKey: key, timeoutMs, waitedMs: reply.elapsedTime });
    done();
  };
}

/** How a path names a version, not checked. */
interface PathNames {
  readonly model?: string;
  readonly version?: string;
  readonly label?: string;
}

/** Null where the path does not say whose queue the request will stand in. */
function keyOf(repository: AppParts['repository'], { model, version, label }: PathNames): string | null {
  if (model === undefined || label !== undefined) return null;
  return repository.keyOf(model, version === undefined ? null : Number(version));
}

/** ms that a request allows: the smaller of the times that it names, or the default where it names none. */
export function shortestMs(inRequest: number | undefined, inHeader: number | undefined, defaultMs: number): number {
  if (inRequest === undefined) return inHeader ?? defaultMs;
  return Math.min(inRequest, inHeader ?? inRequest);
}

/** The smallest wait that the headers allow; a header that is not a number is refused after the body, by the schema. */
function timeoutOf(headers: FastifyRequest['headers']): number | null {
  const ms = Number(headers[TIMEOUT_HEADER] ?? Number.NaN);
  return ms > 0 ? ms : null;
}

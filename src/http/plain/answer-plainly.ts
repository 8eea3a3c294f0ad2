import type { RequestListener, Server } from 'node:http';
import type { AppParts } from '../app.ts';
import { EarlyRefusal } from './early-refusal.ts';
import { PlainAnswers, type PlainAnswersParts } from './plain-answers.ts';
import { PlainConnections } from './plain-connections.ts';

export type PlainParts = PlainAnswersParts & Pick<AppParts, 'tracer' | 'certificate'>;

/**
 * Puts plain answers before node:http and, for the connections that it reads, early refusals before what answers requests.
 * Neither where an origin or a trace has to be looked at first; no early refusals where a key has to.
 * @returns the connections that node:http does not read; null where it reads all.
 */
export function answerPlainly(server: Server, parts: PlainParts): PlainConnections | null {
  const { gatekeeper, tracer, config, certificate } = parts;
  if (tracer !== null || config.corsOrigins.length > 0) return null;
  const refusal = new EarlyRefusal(parts);
  const [handle] = server.listeners('request') as RequestListener[];
  if (handle === undefined) throw new Error('This is a bug: nobody answers requests');
  if (gatekeeper === null) server.off('request', handle).on('request', refusal.before(handle));
  if (certificate !== null) return null;
  return PlainConnections.before(server, new PlainAnswers(parts, refusal), config.keepAliveTimeoutMs);
}

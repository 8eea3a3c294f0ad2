import type { RequestListener, Server } from 'node:http';
import type { AppParts } from '../app.ts';
import type { EventLoopTurns } from '../event-loop-turns.ts';
import { EarlyRefusal } from './early-refusal.ts';
import { PlainAnswers } from './plain-answers.ts';
import { PlainConnections } from './plain-connections.ts';

export type PlainParts = Pick<
  AppParts,
  'config' | 'logger' | 'predictor' | 'observer' | 'tracer' | 'door' | 'phase' | 'gatekeeper' | 'certificate'
>;

/**
 * Puts plain answers before node:http or, where connections are encrypted, early refusals before what answers requests.
 * Neither where a key, an origin or a trace has to be looked at first.
 * @returns the connections that node:http does not read; null where it reads all.
 */
export function answerPlainly(server: Server, parts: PlainParts, turns: EventLoopTurns): PlainConnections | null {
  const { gatekeeper, tracer, config, certificate } = parts;
  if (gatekeeper !== null || tracer !== null || config.corsOrigins.length > 0) return null;
  const refusal = new EarlyRefusal(parts);
  const [handle] = server.listeners('request') as RequestListener[];
  if (handle === undefined) throw new Error('This is a bug: nobody answers requests');
  server.off('request', handle).on('request', refusal.before(handle));
  if (certificate !== null) return null;
  return PlainConnections.before(server, new PlainAnswers(parts, refusal, turns), config.keepAliveTimeoutMs);
}

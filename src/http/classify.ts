import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PredictAnswer, PredictRequest } from '../pipelines/predictor.ts';
import type { AppParts } from './app.ts';
import { connectionOf } from './client-connection.ts';
import type { ServedRequest } from './http-observer.ts';

/** A request that is being answered. */
export interface Exchange {
  readonly parts: AppParts;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/**
 * The way of every HTTP protocol to the labels and scores of its inputs: runs them, tells metrics and the log what was
 * served, and sets `Server-Timing`.
 * @throws ServalError
 */
export async function classify({ parts, request, reply }: Exchange, asked: PredictRequest): Promise<PredictAnswer> {
  const answer = await parts.predictor.predict(asked, connectionOf(reply));
  request.served = servedBy(asked, answer);
  reply.header('server-timing', serverTiming(answer, reply.elapsedTime));
  return answer;
}

export function servedBy({ inputs }: PredictRequest, { manifest, timings, imageBytes }: PredictAnswer): ServedRequest {
  const { model, version } = manifest;
  return { model, version, items: inputs.length, encodeSeconds: timings.encodeMs / 1000, imageBytes };
}

/** https://www.w3.org/TR/server-timing/ */
export function serverTiming(
  { timings: { encodeMs, queueMs, runMs } }: Pick<PredictAnswer, 'timings'>,
  totalMs: number,
): string {
  const dur = (ms: number) => `dur=${ms.toFixed(2)}`;
  return `encode;${dur(encodeMs)}, queue;${dur(queueMs)}, run;${dur(runMs)}, total;${dur(totalMs)}`;
}

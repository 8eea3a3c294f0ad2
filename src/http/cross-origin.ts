import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';

const PREFLIGHT_SECONDS = 600;
/** What a page may read of an answer, beside its body. */
const EXPOSED = ['x-request-id', 'server-timing', 'retry-after', 'ratelimit', 'ratelimit-policy'];

/** Lets pages of the configured origins call; where there are none, no browser lets one. Cookies are never asked for. */
export async function allowOrigins(app: FastifyInstance, { corsOrigins }: Config): Promise<void> {
  if (corsOrigins.length === 0) return;
  await app.register(cors, {
    origin: corsOrigins.includes('*') ? '*' : corsOrigins,
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_SECONDS,
  });
}

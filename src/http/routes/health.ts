import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ServerPhase } from '../../server-phase.ts';
import type { AppParts } from '../app.ts';

const liveSchema = z.object({ status: z.literal('live') }).meta({ id: 'Live' });
const readySchema = z
  .object({ status: z.enum(['ready', 'starting', 'draining', 'no_ready_model']) })
  .meta({ id: 'Ready' });

/** Liveness: the process answers. Readiness: its models are loaded and verified, and it is not shutting down. */
export function healthRoutes(app: FastifyInstance, { phase, repository }: AppParts): void {
  app.get(
    '/health/live',
    { schema: { tags: ['Health'], summary: 'Whether the process answers', response: { 200: liveSchema } } },
    async () => ({ status: 'live' as const }),
  );
  app.get(
    '/health/ready',
    {
      schema: {
        tags: ['Health'],
        summary: 'Whether requests should be sent here',
        description: '503 while models load and verify, while none is ready, and while the server shuts down.',
        response: { 200: readySchema, 503: readySchema },
      },
    },
    async (_request, reply) => {
      const status = statusOf(phase(), repository.anyReady);
      return reply.code(status === 'ready' ? 200 : 503).send({ status });
    },
  );
}

function statusOf(phase: ServerPhase, anyReady: boolean): z.output<typeof readySchema>['status'] {
  if (phase === 'leaving') return 'draining';
  return phase === 'ready' && !anyReady ? 'no_ready_model' : phase;
}

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

/** Where the metrics' text comes from. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
}

export function metricsRoutes(app: FastifyInstance, { metrics }: { readonly metrics: MetricsSource }): void {
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['Observability'],
        summary: 'Metrics in Prometheus’ text format',
        produces: ['text/plain'],
        response: { 200: z.string() },
      },
    },
    async (_request, reply) =>
      reply
        .header('content-type', metrics.contentType)
        .serializer(String)
        .send(await metrics.text()),
  );
}

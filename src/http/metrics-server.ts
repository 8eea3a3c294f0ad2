import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Config } from '../config.ts';
import { installErrorHandlers } from './error-handler.ts';
import { MethodTable } from './method-table.ts';
import { type MetricsSource, metricsRoutes } from './routes/metrics.ts';
import { schemaController } from './schema-compilers.ts';

export interface MetricsServerParts {
  readonly config: Config;
  readonly logger: FastifyBaseLogger;
  readonly metrics: MetricsSource;
}

/** /metrics and nothing else, for a port that only Prometheus can reach: plain text, no key. */
export function createMetricsServer(parts: MetricsServerParts): FastifyInstance {
  const { maxHeaderBytes, bodyTimeoutMs } = parts.config;
  const app = Fastify({
    loggerInstance: parts.logger,
    logController: new LogController({ disableRequestLogging: true }),
    schemaController,
    requestTimeout: bodyTimeoutMs,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: maxHeaderBytes },
  });
  app.decorateRequest('errorCode', null);
  const methods = new MethodTable();
  app.addHook('onRoute', ({ url, method }) => methods.add(url, method));
  installErrorHandlers(app, methods);
  metricsRoutes(app, parts);
  return app;
}

import helmet from '@fastify/helmet';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';

/**
 * What the pages may do, for a browser: scripts and styles of this server and no others, and calls to it. Swagger UI sets
 * styles on its elements. Requests are not upgraded to HTTPS: the server may speak none, and says so itself where it does.
 */
const POLICY = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Swagger UI under /docs. Only its routes carry the pages' headers: no prediction pays for them. */
export async function installPages(app: FastifyInstance, { tlsCert }: Config): Promise<void> {
  await app.register((pages, _options, done) => {
    void pages.register(helmet, {
      contentSecurityPolicy: { useDefaults: false, directives: POLICY },
      strictTransportSecurity: tlsCert !== null,
      xFrameOptions: { action: 'deny' },
    });
    void pages.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { tryItOutEnabled: true, displayRequestDuration: true, defaultModelsExpandDepth: 0 },
    });
    done();
  });
}

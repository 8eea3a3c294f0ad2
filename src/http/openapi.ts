import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../config.ts';
import { STATUS_DESCRIPTIONS } from './schemas.ts';

const DESCRIPTION = `Serval serves ONNX classification models over HTTP.

Start with **POST /predict** below: *Try it out*, *Execute*. **GET /models** shows what is loaded.
Every error has a stable \`code\` and a \`message\` that says what to change.`;

/** /openapi.json and the pages under /docs, made from the routes' zod schemas. */
export async function installOpenApi(app: FastifyInstance, { docs }: Config): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Serval',
        version: packageJson.version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'Predict', description: 'From an input to labels and scores' },
        { name: 'Models', description: 'What is loaded, where it comes from, how good it is' },
        { name: 'Health', description: 'For load balancers and orchestrators' },
        { name: 'Observability', description: 'For Prometheus' },
      ],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => describeResponses(jsonSchemaTransformObject(document)),
  });
  if (!docs) return;
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { tryItOutEnabled: true, displayRequestDuration: true, defaultModelsExpandDepth: 0 },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

/** Fastify writes "Default Response" where a schema is a reference and so has no description of its own. */
function describeResponses(document: ReturnType<typeof jsonSchemaTransformObject>): typeof document {
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path ?? {}) as { responses?: Record<string, { description?: string }> }[]) {
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        response.description = STATUS_DESCRIPTIONS[status] ?? response.description ?? '';
      }
    }
  }
  return document;
}

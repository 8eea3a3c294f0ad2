import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from '@fastify/type-provider-zod';
import type { FastifyInstance } from 'fastify';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../config.ts';
import { IMAGE_TYPES } from './body-parsers.ts';
import { describeAccess, SECURITY_SCHEMES } from './openapi-access.ts';
import { installPages } from './pages.ts';
import { STATUS_DESCRIPTIONS } from './schemas.ts';

const DESCRIPTION = `Serval serves ONNX classification models over HTTP.

Start with **POST /predict** below: *Try it out*, *Execute*. **GET /models** shows what is loaded.
Every error has a stable \`code\` and a \`message\` that says what to change.`;

/** /openapi.json and the pages under /docs, made from the routes' zod schemas. */
export async function installOpenApi(app: FastifyInstance, config: Config): Promise<void> {
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
        { name: 'Open Inference Protocol', description: 'Version 2, as tritonclient’s and KServe’s clients speak' },
        { name: 'Hugging Face', description: 'As huggingface_hub’s and @huggingface/inference’s clients speak' },
        { name: 'Text Embeddings Inference', description: 'As TEI’s classification routes, one server a model' },
        { name: 'TensorFlow Serving, KServe V1', description: 'As TensorFlow Serving’s REST API and KServe’s first' },
        { name: 'Models', description: 'What is loaded, where it comes from, how good it is' },
        { name: 'Management', description: 'Changes what is served; off without SERVAL_ADMIN_TOKEN' },
        { name: 'Health', description: 'For load balancers and orchestrators' },
        { name: 'Observability', description: 'For Prometheus' },
      ],
      components: { securitySchemes: SECURITY_SCHEMES },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => finish(jsonSchemaTransformObject(document)),
  });
  if (!config.docs) return;
  await installPages(app, config);
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

type Document = ReturnType<typeof jsonSchemaTransformObject>;

export interface Operation {
  responses?: Record<string, { description?: string }>;
  security?: object[];
  readonly requestBody?: { readonly content: Record<string, { schema: unknown }> };
}

/** Puts in what the routes' schemas cannot say. */
function finish(document: Document): Document {
  for (const [url, path] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(path ?? {}) as [string, Operation][]) {
      describeAccess(operation, method.toUpperCase(), url);
      // Fastify writes "Default Response" where a schema is a reference and so has no description of its own.
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        response.description = STATUS_DESCRIPTIONS[status] ?? response.description ?? '';
      }
      const content = operation.requestBody?.content ?? {};
      for (const type of Object.keys(content)) {
        const schema = uploadSchema(type);
        // A new object: the types share one.
        if (schema !== null) content[type] = { schema };
      }
    }
  }
  return document;
}

/** Files are no JSON: their bodies are described by hand. */
function uploadSchema(contentType: string): object | null {
  const file = { type: 'string', format: 'binary' };
  if (IMAGE_TYPES.includes(contentType)) return file;
  if (contentType !== 'multipart/form-data') return null;
  return {
    type: 'object',
    required: ['file'],
    properties: {
      file: { type: 'array', minItems: 1, items: file, description: 'One image file or several.' },
      model: { type: 'string', description: 'Name of the model, where several take images.', example: 'imagenet' },
      top_k: { type: 'integer', minimum: 1, description: 'Scores to give, best first; 5 by default.' },
    },
  };
}

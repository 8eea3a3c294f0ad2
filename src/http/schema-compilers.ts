import { serializerCompiler, validatorCompiler } from '@fastify/type-provider-zod';
import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { ImageUpload } from './image-upload.ts';

/** JSON is checked by the route's schema; an upload is no JSON, and is checked by the route that reads it. */
const bodyValidator: FastifySchemaCompiler<z.ZodType> = (route) => {
  const validate = validatorCompiler(route);
  if (route.httpPart !== 'body') return validate;
  return (data) => (data instanceof ImageUpload ? { value: data } : validate(data));
};

/**
 * zod checks and writes what routes describe. Told as Fastify is made, and not by its setters: without a compiler of the caller's
 * Fastify loads its own for JSON Schema, a hundred files, before any setter can be called.
 */
export const schemaController = {
  compilersFactory: {
    // Typed for JSON Schema, as Fastify's own compilers are.
    buildValidator: () => bodyValidator as never,
    buildSerializer: () => serializerCompiler as never,
  },
};

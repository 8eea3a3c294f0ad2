import { hasZodFastifySchemaValidationErrors } from '@fastify/type-provider-zod';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_TABLE, type ErrorCode, ServalError } from '../errors.ts';
import type { MethodTable } from './method-table.ts';
import { errorBody, errorShapeOf } from './protocols/error-shapes.ts';
import { rawAnswer } from './raw-answer.ts';
import { logFailure } from './request-log.ts';

/** Fastify's own errors by its codes; all others of it are bugs. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'SERVAL_MEDIA_TYPE',
  FST_ERR_CTP_BODY_TOO_LARGE: 'SERVAL_BODY_TOO_LARGE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'SERVAL_MALFORMED_JSON',
  FST_ERR_BAD_URL: 'SERVAL_INVALID_REQUEST',
  FST_ERR_ASYNC_CONSTRAINT: 'SERVAL_INVALID_REQUEST',
};

const MEDIA_TYPE_MESSAGE =
  'Send the body as application/json, or images as multipart/form-data, image/jpeg, image/png or image/webp (header content-type).';

/** Makes anything thrown a ServalError whose message a client may see. */
export function toServalError(error: unknown): ServalError {
  if (error instanceof ServalError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return invalidRequest(error);
  const code = FASTIFY_CODES[String((error as FastifyError | undefined)?.code)];
  if (code !== undefined) {
    const message = code === 'SERVAL_MEDIA_TYPE' ? MEDIA_TYPE_MESSAGE : (error as Error).message;
    return new ServalError(code, message, { cause: error });
  }
  const message = 'Something went wrong here; the server’s log has the cause under the request’s id.';
  return new ServalError('SERVAL_INTERNAL', message, { cause: error });
}

function invalidRequest(error: {
  validation: readonly { instancePath: string; message?: string }[];
  validationContext?: string;
}): ServalError {
  const where = error.validationContext ?? 'body';
  const issues = error.validation.map(({ instancePath, message }) => ({
    path: [where, ...instancePath.split('/').filter((part) => part !== '')].join('.'),
    message: message ?? 'is not valid',
  }));
  const text = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new ServalError('SERVAL_INVALID_REQUEST', text, { details: { issues } });
}

export function installErrorHandlers(app: FastifyInstance, methods: MethodTable): void {
  app.setErrorHandler((thrown, request, reply) => sendError(toServalError(thrown), request, reply));
  const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
    throw notFound(request, reply, methods);
  };
  // Before the body is read: what it holds does not matter where nothing takes it.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) await refuse(request, reply);
  });
  app.setNotFoundHandler(refuse);
}

function notFound(request: FastifyRequest, reply: FastifyReply, methods: MethodTable): ServalError {
  const path = request.url.split('?', 1)[0] ?? '/';
  const allowed = methods.allowed(path);
  // A parameter's own expression is matched against the decoded path: the router may refuse what the pattern takes.
  if (allowed.length === 0 || allowed.includes(request.method)) {
    return new ServalError('SERVAL_ROUTE_NOT_FOUND', `There is no ${path}; GET /openapi.json lists the routes.`);
  }
  reply.header('allow', allowed.join(', '));
  const message = `${path} takes ${allowed.join(', ')}, not ${request.method}.`;
  return new ServalError('SERVAL_METHOD_NOT_ALLOWED', message);
}

function sendError(error: ServalError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  request.errorCode = error.code;
  logFailure(request.log, error);
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
  // A body that is too large or too slow is not waited for. Fastify would close after any body that it could not parse.
  if (['SERVAL_BODY_TOO_LARGE', 'SERVAL_BODY_TIMEOUT', 'SERVAL_DRAINING'].includes(error.code))
    reply.header('connection', 'close');
  else reply.removeHeader('connection');
  const { statusCode, body, contentType } = errorShapeOf(request.url)(error);
  return reply.code(statusCode).header('content-type', contentType).serializer(JSON.stringify).send(body);
}

/** The answer to bytes that never became a request. */
export function rawErrorResponse(code: ErrorCode, message: string): string {
  const text = JSON.stringify(errorBody(new ServalError(code, message)));
  const [statusCode] = ERROR_TABLE[code];
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  };
  return rawAnswer({ statusCode, headers, text });
}

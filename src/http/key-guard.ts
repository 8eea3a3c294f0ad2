import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Scope } from '../security/api-key.ts';
import { EVERY_MODEL, type Gatekeeper } from '../security/gatekeeper.ts';
import type { Client } from '../security/key-ring.ts';
import { checkKey } from './key-check.ts';
import { accessOf, isAboutAllModels } from './route-access.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key it brought; null where none was asked for. */
    client: Client | null;
  }
}

/**
 * Asks for an API key on every route that is registered after this and is not open: before its own hooks, and before
 * the body is read. Open routes are left as they are.
 */
export function guardRoutes(app: FastifyInstance, gatekeeper: Gatekeeper): void {
  app.addHook('onRoute', (route) => {
    const [method = 'GET'] = [route.method].flat();
    const access = accessOf(method, route.url);
    if (access === 'open' || access === 'management') return;
    route.onRequest = [keyHook(gatekeeper, access, isAboutAllModels(route.url)), ...[route.onRequest ?? []].flat()];
  });
}

function keyHook(gatekeeper: Gatekeeper, scope: Scope, isAboutAll: boolean): onRequestHookHandler {
  return (request, reply, done) => {
    const model = isAboutAll ? EVERY_MODEL : modelOf(request);
    const { client, error, headers } = checkKey(gatekeeper, request.headers, { scope, model });
    request.client = client;
    reply.headers(headers);
    if (error === null) done();
    else done(error);
  };
}

/** The model that a path names. */
function modelOf({ params }: FastifyRequest): string | null {
  return (params as { readonly model?: string } | undefined)?.model ?? null;
}

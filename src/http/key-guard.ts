import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { ServalError } from '../errors.ts';
import type { Scope } from '../security/api-key.ts';
import { EVERY_MODEL, type Gatekeeper } from '../security/gatekeeper.ts';
import type { Client } from '../security/key-ring.ts';
import { presentedKey } from '../security/presented-key.ts';
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
    const { headers } = request;
    const apiKey = headers['x-api-key'];
    const decision = gatekeeper.admit({
      presented: presentedKey({
        authorization: headers.authorization,
        apiKey: Array.isArray(apiKey) ? apiKey[0] : apiKey,
      }),
      scope,
      model: isAboutAll ? EVERY_MODEL : modelOf(request),
      counts: true,
    });
    request.client = decision.client;
    if (decision.client !== null) tellLimits(reply, gatekeeper, decision.client);
    if (decision.admitted) {
      done();
      return;
    }
    const challenge = challengeOf(decision.error);
    if (challenge !== null) reply.header('www-authenticate', challenge);
    done(decision.error);
  };
}

/** The model that a path names. */
function modelOf({ params }: FastifyRequest): string | null {
  return (params as { readonly model?: string } | undefined)?.model ?? null;
}

function tellLimits(reply: FastifyReply, gatekeeper: Gatekeeper, client: Client): void {
  const fields = gatekeeper.limitFields(client);
  if (fields === null) return;
  reply.header('ratelimit-policy', fields.policy).header('ratelimit', fields.state);
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3 */
function challengeOf({ code }: ServalError): string | null {
  switch (code) {
    case 'SERVAL_KEY_MISSING':
      return 'Bearer';
    case 'SERVAL_KEY_UNKNOWN':
    case 'SERVAL_KEY_EXPIRED':
      return 'Bearer error="invalid_token"';
    case 'SERVAL_KEY_SCOPE':
    case 'SERVAL_KEY_MODEL':
      return 'Bearer error="insufficient_scope"';
    default:
      return null;
  }
}

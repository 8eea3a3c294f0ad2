import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServalError } from '../errors.ts';

export interface AdminGuardOptions {
  /** Null turns the guarded routes off. */
  readonly adminToken: string | null;
}

export type AdminGuard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

const SCHEME = /^Bearer +(\S+)$/i;

/**
 * An `onRequest` hook for routes that change what is served: lets pass whoever brings `Authorization: Bearer <token>`,
 * and writes a line into the log for each call, refused ones included. Nothing of the body is read before.
 * Scheme: https://www.rfc-editor.org/rfc/rfc6750
 */
export function adminGuard({ adminToken }: AdminGuardOptions): AdminGuard {
  const expected = adminToken === null ? null : digestOf(adminToken);
  return async (request, reply) => {
    const isAllowed = expected !== null && carries(request, expected);
    const { method, url, ip } = request;
    request.log.warn({ audit: true, method, url, client: ip, allowed: isAllowed }, 'management');
    if (isAllowed) return;
    if (expected === null) {
      throw new ServalError('SERVAL_MANAGEMENT_OFF', 'Management is off; start the server with SERVAL_ADMIN_TOKEN.');
    }
    reply.header('www-authenticate', 'Bearer');
    throw new ServalError('SERVAL_UNAUTHORIZED', 'Send the token as "Authorization: Bearer <token>".');
  };
}

/** Digests are of one length, and comparing them takes the same time wherever they differ. */
function carries({ headers }: FastifyRequest, expected: Buffer): boolean {
  const token = SCHEME.exec(headers.authorization ?? '')?.[1];
  return token !== undefined && timingSafeEqual(digestOf(token), expected);
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

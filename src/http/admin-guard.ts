import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdminToken } from '../repository/admin-token.ts';

export interface AdminGuardOptions {
  /** Null turns the guarded routes off. */
  readonly adminToken: string | null;
}

export type AdminGuard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/**
 * An `onRequest` hook for routes that change what is served: lets pass whoever brings the token, and writes a line into
 * the log for each call, refused ones included. Nothing of the body is read before.
 */
export function adminGuard({ adminToken }: AdminGuardOptions): AdminGuard {
  const token = new AdminToken(adminToken);
  return async (request, reply) => {
    const refusal = token.refusal(request.headers.authorization);
    const { method, ip } = request;
    // Without its query, in which clients have put secrets before.
    const [url] = request.url.split('?', 1);
    request.log.warn({ audit: true, method, url, client: ip, allowed: refusal === null }, 'management');
    if (refusal === null) return;
    if (refusal.code === 'SERVAL_UNAUTHORIZED') reply.header('www-authenticate', 'Bearer');
    throw refusal;
  };
}

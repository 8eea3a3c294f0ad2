import type { FastifyReply } from 'fastify';
import type { ClientConnection } from '../pipelines/predictor.ts';

/** The connection that the answer goes to: it is closed when it breaks before the answer is written. */
export function connectionOf(reply: FastifyReply): ClientConnection {
  const { raw } = reply;
  return {
    key: raw.socket,
    waitedMs: () => reply.elapsedTime,
    isClosed: () => raw.destroyed,
    onClose: (callback) => {
      raw.once('close', callback);
      return () => raw.off('close', callback);
    },
  };
}

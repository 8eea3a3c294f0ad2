import type { FastifyReply } from 'fastify';
import type { ClientConnection } from '../pipelines/predictor.ts';

/** The connection that the answer goes to: it is closed when it breaks before the answer is written. */
export function connectionOf({ raw }: FastifyReply): ClientConnection {
  return {
    isClosed: () => raw.destroyed,
    onClose: (callback) => {
      raw.once('close', callback);
      return () => raw.off('close', callback);
    },
  };
}

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { rawErrorResponse } from './error-handler.ts';

/** Answers bytes that are no request, after the answers to the requests that came before them on their connection. */
export class BrokenRequests {
  readonly #unanswered = new WeakMap<Socket, Set<IncomingMessage>>();
  readonly #lastWords = new WeakMap<Socket, string>();

  /** Keeps count of the requests of each connection. */
  watch(app: FastifyInstance): void {
    app.addHook('onRequest', async ({ raw }) => {
      const requests = this.#unanswered.get(raw.socket) ?? new Set();
      this.#unanswered.set(raw.socket, requests.add(raw));
    });
    app.addHook('onResponse', async ({ raw }) => {
      const requests = this.#unanswered.get(raw.socket);
      requests?.delete(raw);
      const response = this.#lastWords.get(raw.socket);
      if (response !== undefined && requests?.size === 0) end(raw.socket, response);
    });
  }

  answer(error: Error & { code?: string }, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy(error);
      return;
    }
    const requests = [...(this.#unanswered.get(socket) ?? [])];
    const response = responseTo(error.code);
    // A request that the error cut short will never be whole: nothing is left to wait for.
    if (requests.length === 0 || requests.some(({ complete }) => !complete)) end(socket, response);
    else this.#lastWords.set(socket, response);
  }
}

function end(socket: Socket, response: string): void {
  socket.end(response, () => socket.destroy());
}

function responseTo(code: string | undefined): string {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return rawErrorResponse('SERVAL_BODY_TIMEOUT', 'The request did not arrive in time.');
    case 'HPE_HEADER_OVERFLOW':
      return rawErrorResponse(
        'SERVAL_HEADERS_TOO_LARGE',
        'The request line and headers are too large; send less in them.',
      );
    default:
      return rawErrorResponse('SERVAL_BAD_HTTP', 'This is not an HTTP/1.1 request.');
  }
}

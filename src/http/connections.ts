import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { rawErrorResponse } from './error-handler.ts';

/**
 * Knows the requests of each connection that are not answered yet, for the two moments when a connection must end:
 * after bytes that are no request, and while the server shuts down. Requests that came before are answered in both.
 */
export class Connections {
  readonly #unanswered = new Map<Socket, Set<IncomingMessage>>();
  readonly #lastWords = new WeakMap<Socket, string>();
  /** Open connections that have asked for something: a client may send its next request on them at any time. */
  readonly #kept = new Set<Socket>();
  readonly #isDraining: () => boolean;
  #isClosing = false;

  /** @param isDraining whether the server gives its last answers, each of which ends its connection. */
  constructor(isDraining: () => boolean) {
    this.#isDraining = isDraining;
  }

  get keptCount(): number {
    return this.#kept.size;
  }

  watch(app: FastifyInstance): void {
    app.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      this.#keep(socket);
      this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? new Set()).add(request));
      // Comes after the answer as well as after a connection that broke.
      response.once('close', () => this.#answered(socket, request, app));
    });
    app.addHook('onSend', (_request, reply, payload, done) => {
      // A client that keeps its connection would hold up the shutdown until it is tired of it.
      if (this.#isClosing || this.#isDraining()) reply.header('connection', 'close');
      done(null, payload);
    });
    app.addHook('preClose', (done) => {
      this.#isClosing = true;
      if (this.#unanswered.size === 0) app.server.closeAllConnections();
      done();
    });
  }

  /** Answers bytes that are no request, after the answers to the requests that came before them. */
  answerBroken(error: Error & { code?: string }, socket: Socket): void {
    // A handshake that failed leaves nobody to answer.
    if (error.code === 'ECONNRESET' || !socket.writable || isHandshakeError(error.code)) {
      socket.destroy(error);
      return;
    }
    const requests = [...(this.#unanswered.get(socket) ?? [])];
    const response = responseTo(error.code);
    // A request that the error cut short will never be whole: nothing is left to wait for.
    if (requests.length === 0 || requests.some(({ complete }) => !complete)) end(socket, response);
    else this.#lastWords.set(socket, response);
  }

  #keep(socket: Socket): void {
    if (this.#kept.has(socket)) return;
    this.#kept.add(socket);
    socket.once('close', () => this.#kept.delete(socket));
  }

  #answered(socket: Socket, request: IncomingMessage, app: FastifyInstance): void {
    const requests = this.#unanswered.get(socket);
    requests?.delete(request);
    if (requests === undefined || requests.size > 0) return;
    this.#unanswered.delete(socket);
    const response = this.#lastWords.get(socket);
    if (response !== undefined) end(socket, response);
    // What is left are connections that never asked for anything.
    if (this.#isClosing && this.#unanswered.size === 0) app.server.closeAllConnections();
  }
}

function isHandshakeError(code = ''): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO';
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

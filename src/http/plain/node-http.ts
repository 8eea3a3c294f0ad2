import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import type { ClientConnection } from '../../pipelines/predictor.ts';
import type { PlainAnswer } from './plain-answer.ts';

/** As node:http writes it, and Fastify where a route asks for it. */
const LAST = /\r\nconnection: close\r\n/i;

/** The reader of connections that was there before, and still reads all that is not plain. */
export class NodeHttp {
  readonly #server: Server;
  readonly #listener: (socket: Duplex) => void;
  readonly #onAnswered = new WeakMap<Duplex, (response: ServerResponse) => void>();

  /** Takes the place of its listener for connections, which get to it from now on by {@link giveOver} and {@link ask}. */
  constructor(server: Server) {
    const [listener] = server.listeners('connection') as ((socket: Duplex) => void)[];
    if (listener === undefined) throw new Error('This is a bug: nobody reads connections');
    this.#server = server;
    this.#listener = listener;
    server.off('connection', listener).prependListener('request', ({ socket }, response: ServerResponse) => {
      const onAnswered = this.#onAnswered.get(socket);
      if (onAnswered !== undefined) response.once('close', () => onAnswered(response));
    });
  }

  /** Gives it a connection, as if it had just been opened. */
  giveOver(socket: Socket): void {
    this.#listener.call(this.#server, socket);
  }

  /**
   * Lets it answer one request that came whole, over a connection in memory; the request's own connection stays where it is.
   * https://nodejs.org/api/http.html#event-connection has it for this use.
   */
  ask(request: Buffer, client: ClientConnection): Promise<PlainAnswer> {
    const [near, far] = duplexPair();
    const { promise, resolve } = Promise.withResolvers<PlainAnswer>();
    const pieces: Buffer[] = [];
    const forget = client.onClose(() => far.destroy());
    const finish = (isWhole: boolean) => {
      forget();
      far.destroy();
      near.destroy();
      resolve({ pieces, isLast: !isWhole || LAST.test(headOf(pieces)) });
    };
    // Its last bytes are on their way when it has written them.
    this.#onAnswered.set(near, ({ writableFinished }) => setImmediate(() => finish(writableFinished)));
    // Where it ends the connection, for which it needs no request, that is all as well.
    const ended = () => finish(false);
    far
      .on('data', (piece) => pieces.push(piece))
      .once('end', ended)
      .once('close', ended);
    this.#listener.call(this.#server, near);
    far.write(request);
    return promise;
  }
}

function headOf(pieces: readonly Buffer[]): string {
  const text = Buffer.concat(pieces.slice(0, 1)).toString('latin1');
  return text.slice(0, text.indexOf('\r\n\r\n') + 2);
}

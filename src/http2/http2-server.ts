import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type ConnectionOptions, Http2Connection } from './http2-connection.ts';

const SWEEP_EVERY_MS = 1_000;
const ALPN_PROTOCOL = 'h2';

export interface Http2ServerOptions extends ConnectionOptions {
  /** More are closed at once. */
  readonly maxConnections: number;
  /** Null for plain text. */
  readonly certificate: ChangingCertificate | null;
}

/** A certificate that may change while the server runs; connections that are open keep theirs. */
export interface ChangingCertificate {
  readonly context: TlsOptions;
  onChange(listener: (context: TlsOptions) => void): void;
}

/** Listens for connections that speak HTTP/2 from their beginning: with TLS by ALPN, without by prior knowledge. */
export class Http2Server {
  readonly #server: Server;
  readonly #connections = new Set<Http2Connection>();
  readonly #options: Http2ServerOptions;
  #sweeping: NodeJS.Timeout | null = null;
  /** Null while new connections are taken. */
  #ended: Promise<void> | null = null;

  constructor(options: Http2ServerOptions) {
    this.#options = options;
    this.#server = options.certificate === null ? this.#plain() : this.#secure(options.certificate);
    this.#server.maxConnections = options.maxConnections;
  }

  /** @returns the port it listens on. */
  async listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen({ host, port }, resolve);
    await promise;
    // A connection that cannot be accepted is its client's loss alone.
    this.#server.off('error', reject).on('error', () => {});
    this.#sweeping = setInterval(() => {
      for (const connection of this.#connections) connection.sweep();
    }, SWEEP_EVERY_MS).unref();
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when no further request is taken, within a second; until then those that come are answered as ever. */
  async leave(): Promise<void> {
    this.#ended ??= new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
    await Promise.all(Array.from(this.#connections, (connection) => connection.leave()));
  }

  /** Leaves; resolves when all is answered. */
  async stop(): Promise<void> {
    await this.leave();
    await this.#ended;
    if (this.#sweeping !== null) clearInterval(this.#sweeping);
  }

  /** Breaks off what is left. */
  kill(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #plain(): Server {
    return createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  #secure(certificate: ChangingCertificate): Server {
    const server = createTlsServer(
      {
        ...certificate.context,
        ALPNProtocols: [ALPN_PROTOCOL],
        noDelay: true,
        handshakeTimeout: this.#options.arrivalMs,
      },
      (socket) => {
        if (socket.alpnProtocol === ALPN_PROTOCOL) this.#accept(socket);
        else socket.destroy();
      },
    );
    certificate.onChange((context) => server.setSecureContext(context));
    return server;
  }

  #accept(socket: Socket): void {
    const connection = new Http2Connection(socket, this.#options);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    if (this.#ended !== null) void connection.leave();
  }
}

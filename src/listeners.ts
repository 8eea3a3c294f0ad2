import { setTimeout as delay } from 'node:timers/promises';
import type { GrpcServer } from './grpc/grpc-server.ts';
import { type App, type AppParts, createApp } from './http/app.ts';
import { createMetricsServer } from './http/metrics-server.ts';

/** How long connections are kept open after all is answered, for clients that are about to use them again. */
const LAST_ANSWERS_MS = 1_000;

/** The servers that listen: of HTTP, of the metrics where they have a port of their own, and of gRPC. */
export class Listeners {
  readonly #parts: AppParts;
  #app: App | null = null;
  #metrics: App | null = null;
  #grpc: GrpcServer | null = null;
  #grpcEnded: Promise<void> | null = null;

  constructor(parts: AppParts) {
    this.#parts = parts;
  }

  /** Where HTTP is served; the empty text before it is. */
  get url(): string {
    return this.#app?.listeningOrigin ?? '';
  }

  async listenForHttp(): Promise<void> {
    const { host, port, metricsHost, metricsPort } = this.#parts.config;
    this.#app = await createApp(this.#parts);
    await this.#app.listen({ host, port, listenTextResolver: (address) => `listening on ${address}` });
    if (metricsPort === null) return;
    this.#metrics = createMetricsServer(this.#parts);
    const listenTextResolver = (address: string) => `metrics on ${address}`;
    await this.#metrics.listen({ host: metricsHost, port: metricsPort, listenTextResolver });
  }

  /** To be called when the server is ready: clients and proxies of gRPC take a connection for a server that answers. */
  async listenForGrpc(): Promise<void> {
    const { host, grpcPort } = this.#parts.config;
    if (grpcPort === null) return;
    // Who does not use it does not load it.
    const { GrpcServer } = await import('./grpc/grpc-server.ts');
    const grpc = new GrpcServer(this.#parts);
    await grpc.listen(host, grpcPort);
    this.#grpc = grpc;
  }

  /**
   * gRPC's clients and proxies go elsewhere when their connections take no more calls; those that run are finished. Resolves when
   * none is taken any more: to be refused by a status would be no reason for a proxy to ask another server.
   */
  async leaveGrpc(): Promise<void> {
    await this.#grpc?.leave();
    this.#grpcEnded = this.#grpc?.stop() ?? null;
  }

  /** To be called when all that was accepted is answered. */
  async close(): Promise<void> {
    // A connection that closes just as a request comes loses it: each gets the chance to be told with an answer.
    const giveUpAt = performance.now() + LAST_ANSWERS_MS;
    while ((this.#app?.keptConnections() ?? 0) > 0 && performance.now() < giveUpAt) await delay(10);
    await Promise.all([this.#app?.close(), this.#grpcEnded]);
    await this.#metrics?.close();
  }

  /** Breaks off the calls that are left. */
  kill(): void {
    this.#grpc?.kill();
  }
}

import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { lastingPort } from './free-port.ts';
import type { ReplicaPorts } from './load-balancer.ts';

/** Several servers with the same models on one machine, each with ports that stay its own when it is started again. */
export class Replicas {
  readonly ports: readonly ReplicaPorts[];
  readonly #models: string;
  readonly #settings: Readonly<Record<string, string | number>>;
  readonly #running: ServalProcess[] = [];

  /** None of them runs yet. */
  static async of(
    count: number,
    { models, settings }: { models: string; settings: Readonly<Record<string, string | number>> },
  ): Promise<Replicas> {
    const ports: ReplicaPorts[] = [];
    while (ports.length < count) ports.push({ http: await lastingPort(), grpc: await lastingPort() });
    return new Replicas(ports, models, settings);
  }

  private constructor(
    ports: readonly ReplicaPorts[],
    models: string,
    settings: Readonly<Record<string, string | number>>,
  ) {
    this.ports = ports;
    this.#models = models;
    this.#settings = settings;
  }

  /** @throws Error where none of that number was started. */
  running(at: number): ServalProcess {
    const replica = this.#running[at];
    if (replica === undefined) throw new Error(`there is no replica ${at}`);
    return replica;
  }

  /** Resolves when it is ready. */
  async start(at: number): Promise<void> {
    const ports = this.ports[at];
    if (ports === undefined) throw new Error(`there is no replica ${at}`);
    this.#running[at] = await startServal({
      models: this.#models,
      settings: { ...this.#settings, PORT: ports.http, GRPC_PORT: ports.grpc },
    });
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#running.map((replica) => replica.kill()));
  }
}

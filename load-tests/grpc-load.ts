import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { GrpcClient } from '../tests/fixtures/grpc-client.ts';

/** Stands for the status of a call that failed because its server was killed under it. */
export const CUT_OFF = 'CUT_OFF';

/** An even open loop of gRPC calls, each counted by the status that it ended with. */
export class GrpcLoad {
  readonly #client: GrpcClient;
  readonly #statuses: Record<string, number> = {};
  readonly #inFlight = new Set<Promise<void>>();
  /** Messages of the calls that were in flight when a server was killed. */
  readonly #mayBeCutOff = new Set<object>();
  readonly #unanswered = new Set<object>();
  readonly #loop: Promise<void>;
  #isOver = false;

  constructor({ port, rate, message }: { port: number; rate: number; message: (at: number) => object }) {
    this.#client = new GrpcClient(port);
    this.#loop = this.#run(rate, message);
  }

  /** A server is killed now: a call that is in flight and fails was cut off; any later one must not fail. */
  serverKilled(): void {
    for (const message of this.#unanswered) this.#mayBeCutOff.add(message);
  }

  /** No further calls. @returns how many ended with each status. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    this.#isOver = true;
    await this.#loop;
    await Promise.all(this.#inFlight);
    this.#client.close();
    return this.#statuses;
  }

  async #run(rate: number, message: (at: number) => object): Promise<void> {
    const begun = performance.now();
    for (let at = 0; !this.#isOver; at++) {
      await delay(Math.max(0, begun + (at * 1000) / rate - performance.now()));
      const calling: Promise<void> = this.#call(message(at)).finally(() => this.#inFlight.delete(calling));
      this.#inFlight.add(calling);
    }
  }

  async #call(message: object): Promise<void> {
    this.#unanswered.add(message);
    const code = await this.#client.call('ModelInfer', message).then(
      () => status.OK,
      (error: { code: status }) => error.code,
    );
    this.#unanswered.delete(message);
    const name = code !== status.OK && this.#mayBeCutOff.has(message) ? CUT_OFF : status[code];
    this.#statuses[name] = (this.#statuses[name] ?? 0) + 1;
  }
}

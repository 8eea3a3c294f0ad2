import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { HealthProbeOrder } from './health-probe-thread.ts';

/** Asks a server for its health all the time, from a thread of its own: a load generator's pauses are not the server's. */
export class HealthProbe {
  readonly #thread: Worker;
  readonly #answers: Promise<readonly number[]>;

  constructor(order: HealthProbeOrder) {
    this.#thread = new Worker(new URL('health-probe-thread.ts', import.meta.url), { workerData: order });
    this.#answers = once(this.#thread, 'message').then(([took]) => took as readonly number[]);
  }

  /** @returns how long each answer took in ms; infinite for one that was not 200, or never came. */
  async stop(): Promise<readonly number[]> {
    this.#thread.postMessage('stop');
    return this.#answers;
  }
}

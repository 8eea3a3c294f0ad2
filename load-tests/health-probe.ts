import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { HealthProbeOrder } from './health-probe-thread.ts';

/** Asks a server for its health all the time, from a thread of its own: a load generator's pauses are not the server's. */
export class HealthProbe {
  readonly #thread: Worker;

  private constructor(thread: Worker) {
    this.#thread = thread;
  }

  /** Resolves when it has its connection and asks. */
  static async start(order: HealthProbeOrder): Promise<HealthProbe> {
    const thread = new Worker(new URL('health-probe-thread.ts', import.meta.url), { workerData: order });
    await once(thread, 'message');
    return new HealthProbe(thread);
  }

  /** @returns how long each answer took in ms; infinite for one that was not 200, or never came. */
  async stop(): Promise<readonly number[]> {
    const answers = once(this.#thread, 'message');
    this.#thread.postMessage('stop');
    const [took] = (await answers) as [readonly number[]];
    return took;
  }
}

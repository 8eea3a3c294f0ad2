import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { CostObservation } from '../scheduler/cost-model.ts';
import { type Executor, ExecutorLostError } from '../scheduler/executor.ts';
import { type EncodedItem, sizeOf } from '../scheduler/item.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';

export interface CalibrationOptions {
  readonly scheduler: Pick<Scheduler, 'lend' | 'attach' | 'costOf'>;
  /** Whether the executor is still to get work: it may have ended, or been replaced, while it was lent. */
  readonly isServing: (executor: Executor) => boolean;
  readonly log: { info(fields: object, message: string): void };
}

interface Task {
  readonly versionKey: string;
  readonly batches: () => Promise<readonly (readonly EncodedItem[])[]>;
}

/** Each batch runs so often, and its shortest time counts: what other programs do to the machine is not the model's. */
const ROUNDS = 3;
/** Worker time that one version's calibration may take. */
const BUDGET_MS = 1_000;
/** A batch that is predicted to run for longer would hold up who comes meanwhile; the real ones will tell. */
const MAX_BATCH_MS = 60;
const LOOK_EVERY_MS = 25;

/**
 * Measures what batches cost on this machine, version by version, while the server serves already: on an executor that
 * has nothing to do, one batch at a time, and only while no request is unanswered. A request that comes meanwhile finds
 * the other executors free, or waits for the end of that one batch.
 */
export class Calibration {
  readonly #options: CalibrationOptions;
  readonly #tasks: Task[] = [];
  #isRunning = false;
  #isStopped = false;

  constructor(options: CalibrationOptions) {
    this.#options = options;
  }

  /** Measures a version's batches when there is time. */
  add(task: Task): void {
    this.#tasks.push(task);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#work();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #work(): Promise<void> {
    for (let task = this.#tasks.shift(); task !== undefined && !this.#isStopped; task = this.#tasks.shift()) {
      const { versionKey } = task;
      try {
        await this.#calibrate(task);
        const cost = this.#options.scheduler.costOf(versionKey);
        if (cost?.isCalibrated) this.#options.log.info({ version: versionKey, ...cost.coefficients }, 'calibrated');
      } catch (error) {
        this.#options.log.info({ version: versionKey, reason: messageOf(error) }, 'not calibrated');
      }
    }
    this.#isRunning = false;
  }

  async #calibrate({ versionKey, batches: make }: Task): Promise<void> {
    const { scheduler } = this.#options;
    const batches = await make();
    const shortest = new Map<readonly EncodedItem[], CostObservation>();
    let spentMs = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const batch of batches) {
        const cost = scheduler.costOf(versionKey);
        if (cost === null || this.#isStopped || spentMs > BUDGET_MS) break;
        const size = Math.max(...batch.map(sizeOf));
        // What is known so far says how long it would take; the quickest runs whatever it takes.
        if (shortest.size > 0 && cost.predict(batch.length, size) > MAX_BATCH_MS) continue;
        const ms = await this.#time(versionKey, batch);
        if (ms === null) continue;
        spentMs += ms;
        const known = shortest.get(batch)?.ms ?? Number.POSITIVE_INFINITY;
        shortest.set(batch, { count: batch.length, size, ms: Math.min(ms, known) });
        if (round === 0) cost.calibrate([...shortest.values()]);
      }
    }
    scheduler.costOf(versionKey)?.calibrate([...shortest.values()]);
  }

  /** Worker time of one run; null where it cannot be told. */
  async #time(versionKey: string, items: readonly EncodedItem[]): Promise<number | null> {
    const executor = await this.#idleExecutor();
    if (executor === null) return null;
    try {
      const { outcomes, collateMs, runMs } = await executor.run({ versionKey, items });
      return outcomes.every(({ ok }) => ok) ? collateMs + runMs : null;
    } catch (error) {
      if (error instanceof ExecutorLostError) return null;
      throw error;
    } finally {
      if (this.#options.isServing(executor)) this.#options.scheduler.attach(executor);
    }
  }

  async #idleExecutor(): Promise<Executor | null> {
    while (!this.#isStopped) {
      const executor = this.#options.scheduler.lend();
      if (executor !== null) return executor;
      await delay(LOOK_EVERY_MS, undefined, { ref: false });
    }
    return null;
  }
}

import type { Executor } from './executor.ts';

/** Weight of the last batch. */
const HANDOVER_WEIGHT = 0.1;

/** The executors that take work, which of them are idle, and when the others are predicted to be. */
export class ExecutorSet {
  readonly #attached = new Set<Executor>();
  #handoverMs = 0;
  readonly #idle = new Set<Executor>();
  /** Predicted end of each batch that runs, in ms of the clock. */
  readonly #ends = new Map<Executor, number>();

  /** ms that a batch takes beside its run, of late: what there is of it, sent and read. */
  get handoverMs(): number {
    return this.#handoverMs;
  }

  observeHandover(ms: number): void {
    this.#handoverMs += HANDOVER_WEIGHT * (ms - this.#handoverMs);
  }

  get idle(): ReadonlySet<Executor> {
    return this.#idle;
  }

  /** Batches that run, those of detached executors included. */
  get running(): number {
    return this.#ends.size;
  }

  attach(executor: Executor): void {
    this.#attached.add(executor);
    this.#idle.add(executor);
  }

  detach(executor: Executor): void {
    this.#attached.delete(executor);
    this.#idle.delete(executor);
  }

  begin(executor: Executor, endsAt: number): void {
    this.#idle.delete(executor);
    this.#ends.set(executor, endsAt);
  }

  end(executor: Executor): void {
    this.#ends.delete(executor);
    if (this.#attached.has(executor)) this.#idle.add(executor);
  }

  /** How many take work, and the predicted ms until one of them is free. */
  at(now: number): { readonly count: number; readonly firstFreeMs: number } {
    const count = this.#attached.size;
    if (this.#idle.size > 0 || count === 0) return { count, firstFreeMs: 0 };
    const first = Math.min(...[...this.#attached].map((executor) => this.#ends.get(executor) ?? now));
    return { count, firstFreeMs: Math.max(0, first - now) };
  }
}

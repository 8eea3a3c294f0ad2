import type { Executor } from './executor.ts';

/** The executors that take work, which of them are idle, and when the others are predicted to be. */
export class ExecutorSet {
  readonly #attached = new Set<Executor>();
  readonly #idle = new Set<Executor>();
  /** Predicted end of each batch that runs, in ms of the clock. */
  readonly #ends = new Map<Executor, number>();

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

import type { Executor } from './executor.ts';

/** Weight of the last batch. */
const HANDOVER_WEIGHT = 0.1;
/** Batches one after another that nothing ran beside: then the next one may have all cores. */
const LONE_IN_A_ROW = 4;

/** The executors that take work, which of them are idle, and when the others are predicted to be. */
export class ExecutorSet {
  readonly #attached = new Set<Executor>();
  /** ms that a batch takes beside its run, of late: what there is of it, sent and read. */
  #handoverMs = 0;
  /** Those that have made something for batches that run alone come first, and of them the one that worked last: its memory is warm. */
  #idle: readonly Executor[] = [];
  readonly #prepared = new WeakSet<Executor>();
  /** Predicted end of each batch that runs, in ms of the clock. */
  readonly #ends = new Map<Executor, number>();
  #loneInARow = 0;
  /** Executors that do something for themselves. */
  #resting = 0;

  /** ms that an answer takes beside its run, of late: its batch to the worker and back, and from here to the client. */
  get wayMs(): number {
    return 2 * this.#handoverMs;
  }

  observeHandover(ms: number): void {
    this.#handoverMs += HANDOVER_WEIGHT * (ms - this.#handoverMs);
  }

  /** The idle one that is to work next; null where all are busy. */
  get nextIdle(): Executor | null {
    return this.#idle[0] ?? null;
  }

  /** The idle one that is least likely to be needed. */
  get lastIdle(): Executor | null {
    return this.#idle.at(-1) ?? null;
  }

  /** Batches that run, those of detached executors included. */
  get running(): number {
    return this.#ends.size;
  }

  /** Whether only one batch runs, and nothing else beside it or beside the last ones. */
  get isLone(): boolean {
    return this.#ends.size === 1 && this.#resting === 0 && this.#loneInARow >= LONE_IN_A_ROW;
  }

  attach(executor: Executor): void {
    this.#attached.add(executor);
    this.#idle = [...this.#without(executor), executor];
  }

  detach(executor: Executor): void {
    this.#attached.delete(executor);
    this.#idle = this.#without(executor);
  }

  begin(executor: Executor, endsAt: number): void {
    this.#idle = this.#without(executor);
    this.#ends.set(executor, endsAt);
    this.#loneInARow = this.#ends.size === 1 ? this.#loneInARow + 1 : 0;
  }

  /**
   * @param rest what it still does for itself: it is idle after that, and not at once.
   * @returns until then, where there is any.
   */
  end(executor: Executor, rest?: Promise<void>): Promise<void> | undefined {
    this.#ends.delete(executor);
    if (rest !== undefined) return this.#rest(executor, rest);
    this.#becomeIdle(executor);
    return undefined;
  }

  /** How many take work, and the predicted ms until one of them is free. */
  at(now: number): { readonly count: number; readonly firstFreeMs: number } {
    const count = this.#attached.size;
    if (this.#idle.length > 0 || count === 0) return { count, firstFreeMs: 0 };
    let first = Number.POSITIVE_INFINITY;
    for (const executor of this.#attached) first = Math.min(first, this.#ends.get(executor) ?? now);
    return { count, firstFreeMs: Math.max(0, first - now) };
  }

  async #rest(executor: Executor, rest: Promise<void>): Promise<void> {
    this.#resting += 1;
    await rest;
    this.#resting -= 1;
    this.#prepared.add(executor);
    this.#becomeIdle(executor);
  }

  #becomeIdle(executor: Executor): void {
    if (!this.#attached.has(executor)) return;
    const others = this.#without(executor);
    const ahead = this.#prepared.has(executor) ? 0 : others.findLastIndex((other) => this.#prepared.has(other)) + 1;
    this.#idle = others.toSpliced(ahead, 0, executor);
  }

  #without(executor: Executor): Executor[] {
    return this.#idle.filter((idle) => idle !== executor);
  }
}

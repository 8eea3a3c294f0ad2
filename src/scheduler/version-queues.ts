import { type CostCoefficients, CostModel } from './cost-model.ts';
import type { VersionQueue } from './version-queue.ts';

/** A version that had work so lately will want the workers again. */
const CONTEST_MS = 1_000;

/** The queues of all versions, and whose turn it is. */
export class VersionQueues {
  readonly #queues = new Map<string, VersionQueue>();
  #all: readonly VersionQueue[] = [];
  /** Of those that are gone as well: what the same bytes cost is known when they come back. */
  readonly #costs = new Map<string, CostModel>();

  get all(): readonly VersionQueue[] {
    return this.#all;
  }

  /** Waiting items of all. */
  get length(): number {
    return this.all.reduce((total, queue) => total + queue.length, 0);
  }

  /** Predicted worker time in ms of all that waits. */
  get waitingMs(): number {
    return this.all.reduce((total, queue) => total + queue.waitingMs, 0);
  }

  get isEmpty(): boolean {
    return this.all.every(({ length }) => length === 0);
  }

  set(queue: VersionQueue): void {
    this.#queues.set(queue.key, queue);
    this.#all = [...this.#queues.values()];
  }

  delete(key: string): void {
    this.#queues.delete(key);
    this.#all = [...this.#queues.values()];
  }

  /** What is known of a version's cost. @param prior where nothing is. */
  costOf(key: string, prior: CostCoefficients): CostModel {
    const known = this.#costs.get(key) ?? new CostModel(prior);
    this.#costs.set(key, known);
    return known;
  }

  get(key: string): VersionQueue | undefined {
    return this.#queues.get(key);
  }

  /**
   * Of the versions with work that is not held, the one that has had the least worker time, so that a backlog of one
   * cannot hold up another; of equal ones, as one that was idle is with the one that has had the least, the one with less to
   * do. Those with interactive items come before those that only have background ones, whose rank lies ahead of the clock.
   */
  next(now: number): VersionQueue | null {
    let next: VersionQueue | null = null;
    let nextIsUrgent = false;
    for (const queue of this.#all) {
      const first = queue.first();
      if (first === null || queue.heldUntil > now) continue;
      const isUrgent = first.rank <= now;
      if (next !== null && (nextIsUrgent === isUrgent ? !goesBefore(queue, next) : nextIsUrgent)) continue;
      next = queue;
      nextIsUrgent = isUrgent;
    }
    return next;
  }

  /** Whether a version beside this one has had work within the last second. */
  contested(queue: VersionQueue, now: number): boolean {
    return this.all.some((other) => other !== queue && now - other.arrivedAt < CONTEST_MS);
  }

  /** To be called before a queue that was empty gets work: what it did not use while it was idle is not owed to it. */
  enter(queue: VersionQueue): void {
    const busy = this.all.filter(({ length }) => length > 0).map(({ served }) => served);
    const least = busy.length > 0 ? Math.min(...busy) : Math.max(...this.all.map(({ served }) => served));
    queue.served = Math.max(queue.served, least);
  }
}

function goesBefore(a: VersionQueue, b: VersionQueue): boolean {
  return a.served === b.served ? a.waitingMs < b.waitingMs : a.served < b.served;
}

import type { Admission, Load } from './admission.ts';
import type { ExecutorSet } from './executor-set.ts';
import type { VersionQueues } from './version-queues.ts';

/** What is known of a request before its inputs are. */
export interface Caller {
  /** Null where the version is not known yet. */
  readonly versionKey: string | null;
  /** Null where the request does not say. */
  readonly timeoutMs: number | null;
  /** ms of it that are over. */
  readonly waitedMs: number;
}

interface DoorParts {
  readonly admission: Admission;
  readonly queues: VersionQueues;
  readonly executors: ExecutorSet;
  readonly now: () => number;
}

/** Where requests that cannot be answered in time are turned away before anything is done for them. */
export class Door {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  /** The load at this moment. */
  get load(): Load {
    const { queues, executors, now } = this.#parts;
    const { count, firstFreeMs } = executors.at(now());
    return { queues: queues.all, workers: Math.max(1, count), firstFreeMs };
  }

  /**
   * Says before a request is read or encoded whether there is room for one more item, and time to run it.
   * @throws ServalError SERVAL_OVERLOADED
   */
  check({ versionKey, timeoutMs, waitedMs }: Caller): void {
    const { admission, queues } = this.#parts;
    const queue = versionKey === null ? null : (queues.get(versionKey) ?? null);
    admission.checkDoor(this.load, { queue, timeoutMs, waitedMs });
  }

  /** Whether requests for any version would be turned away that allow as much. */
  mayRefuse(timeoutMs: number): boolean {
    return this.#parts.admission.mayRefuse(this.load, timeoutMs);
  }
}

import type { EncodedItem, ItemOutcome } from './item.ts';

/** Items of one version that run together. */
export interface Batch {
  readonly versionKey: string;
  readonly items: readonly EncodedItem[];
  /** Whether nothing else runs or waits: it may use all cores. */
  readonly isLone?: boolean;
}

export interface BatchResult {
  /** When the worker began, in ms since 1970. */
  readonly begunAt?: number;
  /** One for each item of the batch, in order. */
  readonly outcomes: readonly ItemOutcome[];
  /** Worker time in ms to make the items into tensors, and to run the graph and split its outputs. */
  readonly collateMs: number;
  readonly runMs: number;
  /** Pixels decoded for the batch. */
  readonly pixels: number;
  /** Whether it ran on more cores than batches usually do. */
  readonly isWide?: boolean;
  /** What the executor does for itself before it can take another batch; never rejects. */
  readonly rest?: Promise<void>;
}

/** A place where one batch at a time runs. The scheduler owns this interface; a worker process implements it. */
export interface Executor {
  readonly id: number;
  /**
   * @throws ExecutorLostError when the executor ended before it answered: the batch may be run elsewhere.
   * @throws ServalError when the batch itself cannot be run.
   */
  run(batch: Batch): Promise<BatchResult>;
}

export class ExecutorLostError extends Error {
  override readonly name = 'ExecutorLostError';
  /** Whether it was ended because its batch ran for too long. */
  readonly hung: boolean;

  constructor(message: string, { hung = false }: { hung?: boolean } = {}) {
    super(message);
    this.hung = hung;
  }
}

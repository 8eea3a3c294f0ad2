import { AnswerCache } from './answer-cache.ts';
import type { EncodedItem, ItemOutput } from './item.ts';
import { keyOf } from './item-key.ts';
import type { Job } from './job.ts';

export interface ReuseOptions {
  /** Whether requests for the same item at the same time share one computation. */
  readonly shareIdentical: boolean;
  /** Bytes of answers that are kept for later; 0 keeps none. */
  readonly cacheBytes: number;
}

/** Computations that need not be made again: those in flight, and those whose answers were kept. */
export class Reuse {
  readonly #shareIdentical: boolean;
  readonly #cache: AnswerCache | null;
  /** Jobs waiting and running, by version and item. */
  readonly #inFlight = new Map<string, Job>();

  constructor({ shareIdentical, cacheBytes }: ReuseOptions) {
    this.#shareIdentical = shareIdentical;
    this.#cache = cacheBytes > 0 ? new AnswerCache(cacheBytes) : null;
  }

  /**
   * Names the item among those of all versions; null where it is never reused. Raw tensors hardly ever come twice, and to
   * hash megabytes of them would cost more than to send them.
   */
  keyOf(versionKey: string, item: EncodedItem): string | null {
    if (item.kind === 'tensors') return null;
    return this.#shareIdentical || this.#cache !== null ? versionKey + keyOf(item) : null;
  }

  answer(key: string | null): ItemOutput | undefined {
    return key === null ? undefined : this.#cache?.get(key);
  }

  jobInFlight(key: string | null): Job | undefined {
    return key === null ? undefined : this.#inFlight.get(key);
  }

  begin(job: Job): void {
    if (this.#shareIdentical && job.key !== null) this.#inFlight.set(job.key, job);
  }

  /** @param output null where the job failed or was given up. */
  end(job: Job, output: ItemOutput | null): void {
    if (job.key === null) return;
    if (this.#inFlight.get(job.key) === job) this.#inFlight.delete(job.key);
    if (output !== null) this.#cache?.set(job.key, output);
  }
}

import type { FinishedRun } from './ran-batch.ts';
import { WideTrial } from './wide-trial.ts';

/** Who has been alone for so long is taken to stay so for one more run. */
const ALONE_MS = 300;
/** A shorter batch would be done before it gained by more cores what waking them costs, and what it costs who comes meanwhile. */
const MIN_WIDE_MS = 8;
/** The same where nobody comes meanwhile. */
const MIN_SOLE_MS = 1;

/** A batch that nothing runs or waits beside. */
interface LoneBatch {
  readonly startedAt: number;
  readonly predictedMs: number;
}

/** Knows whether all requests come from one client, which sends the next one when it has its answer. */
export class SoleClient {
  /** A long batch gains more than a short one, and decides for those that others come beside as well. */
  readonly #trials = { long: new WideTrial(), short: new WideTrial() };
  #batch: (LoneBatch & { readonly trial: WideTrial }) | null = null;
  #last: unknown = null;
  #othersAt = Number.NEGATIVE_INFINITY;

  /** @param client what its requests have in common; null where that is not known. */
  asked(client: unknown, now: number): void {
    if (client !== null && client === this.#last) return;
    this.#last = client;
    this.#othersAt = now;
  }

  /** Whether a batch that nothing runs or waits beside is to have all cores. */
  begin(batch: LoneBatch): boolean {
    const { startedAt, predictedMs } = batch;
    this.#batch = null;
    const isLong = predictedMs >= MIN_WIDE_MS;
    if (!isLong && (predictedMs < MIN_SOLE_MS || startedAt - this.#othersAt <= ALONE_MS)) return false;
    const trial = isLong ? this.#trials.long : this.#trials.short;
    this.#batch = { ...batch, trial };
    return trial.next();
  }

  /** Takes in how long it took; a worker that is not prepared for it has run it on one core all the same. */
  end({ startedAt, result: { isWide = false } }: Pick<FinishedRun, 'startedAt' | 'result'>, now: number): void {
    if (this.#batch?.startedAt !== startedAt) return;
    this.#batch.trial.observe({ isWide, predictedMs: this.#batch.predictedMs, tookMs: now - startedAt });
  }
}

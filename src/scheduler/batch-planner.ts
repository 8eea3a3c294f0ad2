import type { CostModel } from './cost-model.ts';

/** What the planner needs to know of a waiting item. */
export interface Plannable {
  /** Tokens. */
  readonly size: number;
  /** Only items of one group run together; null runs alone. Undefined is a group as well. */
  readonly group?: string | null;
  /** Clock time in ms by which the item must be answered. */
  readonly deadlineAt: number;
}

export interface PlanOptions {
  readonly cost: Pick<CostModel, 'predict'>;
  readonly maxItems: number;
  /** Tokens of a batch, padding included; one item alone may have more. */
  readonly maxTokens: number;
  /** Clock time in ms. */
  readonly now: number;
  /** Whether other versions want the workers as well. */
  readonly contested: boolean;
}

export interface HoldOptions extends Omit<PlanOptions, 'contested'> {
  /** How long the oldest item may wait for company, in ms from its arrival. */
  readonly maxDelayMs: number;
}

/** Waiting items that the planner looks at for company, or as many as a batch may hold where that is more. */
export const PLAN_WINDOW = 64;

/** What a batch costs beside its worker's time: the main process is woken, sends it, and takes its answer. */
const HANDOVER_MS = 0.4;
/** Share of its items' own cost that a batch must save to run for longer than a short time. */
const MIN_GAIN = 0.05;
/**
 * The same of a batch that runs for longer than MAX_CONTESTED_MS where others want the workers: one that saves little, as two
 * images on a CPU do (6 to 12 %), would only hold them up for twice as long.
 */
const MIN_CONTESTED_GAIN = 0.25;
const MAX_CONTESTED_MS = 20;
/** Where nobody else wants them, a batch that saves less than MIN_GAIN must be done in so many ms: somebody may come. */
const MAX_LOW_GAIN_MS = 60;

/**
 * Chooses the items that run with the oldest one: those that it is with where all that waits, in the order of length, is
 * cut into batches of the least total cost. So a batch is never slower than its items one by one, padding a short text to a
 * long one's length never happens for nothing, and no batch takes the company that another one needs more. Items whose
 * batch would break a deadline of one in it are left out, the farthest in length first.
 *
 * @param waiting in the order of the queue; the first is always in the batch.
 */
export function planBatch<Item extends Plannable>(waiting: readonly Item[], options: PlanOptions): Item[] {
  const [head] = waiting;
  if (head === undefined) return [];
  if (head.group === null || waiting.length === 1) return [head];
  const { cost, now } = options;
  const company = cheapestBatchOf(
    head,
    waiting.filter(({ group }) => group === head.group),
    options,
  );
  const batch = [head];
  let size = head.size;
  let firstDeadline = head.deadlineAt;
  for (const item of company.sort((a, b) => Math.abs(a.size - head.size) - Math.abs(b.size - head.size))) {
    if (item === head) continue;
    const grownSize = Math.max(size, item.size);
    const deadline = Math.min(firstDeadline, item.deadlineAt);
    if (now + cost.predict(batch.length + 1, grownSize) > deadline) continue;
    batch.push(item);
    size = grownSize;
    firstDeadline = deadline;
  }
  const aloneMs = batch.reduce((total, item) => total + HANDOVER_MS + cost.predict(1, item.size), 0);
  return HANDOVER_MS + cost.predict(batch.length, size) <= aloneMs ? batch : [head];
}

/**
 * Cuts the items, in the order of length, into the batches whose costs are the least in sum, and gives the one that `head`
 * is in. least[j] = min over i < j of least[i] + T(j − i, the length of item j − 1), where that batch saves enough.
 */
function cheapestBatchOf<Item extends Plannable>(head: Item, items: readonly Item[], options: PlanOptions): Item[] {
  const { cost, maxItems, maxTokens, contested } = options;
  const sorted = [...items].sort((a, b) => a.size - b.size);
  /** Cost of the first items, one by one. */
  const alone = [0];
  for (const { size } of sorted) alone.push((alone.at(-1) ?? 0) + HANDOVER_MS + cost.predict(1, size));
  const least = [0];
  const firstOf = [0];
  for (let end = 1; end <= sorted.length; end++) {
    const size = sorted[end - 1]?.size ?? 0;
    let leastMs = Number.POSITIVE_INFINITY;
    let first = end - 1;
    for (let start = end - 1; start >= Math.max(0, end - maxItems); start--) {
      const count = end - start;
      if (count > 1 && count * size > maxTokens) break;
      const ms = HANDOVER_MS + cost.predict(count, size);
      const gain = 1 - ms / ((alone[end] ?? 0) - (alone[start] ?? 0));
      if (count > 1 && !isWorth(ms, gain, contested)) continue;
      const totalMs = (least[start] ?? 0) + ms;
      if (totalMs >= leastMs) continue;
      leastMs = totalMs;
      first = start;
    }
    least.push(leastMs);
    firstOf.push(first);
  }
  const place = sorted.indexOf(head);
  let end = sorted.length;
  while ((firstOf[end] ?? 0) > place) end = firstOf[end] ?? 0;
  return sorted.slice(firstOf[end], end);
}

/** Whether a batch may hold a worker for so long, for what it saves. */
function isWorth(ms: number, gain: number, contested: boolean): boolean {
  if (contested && ms > MAX_CONTESTED_MS) return gain >= MIN_CONTESTED_GAIN;
  return gain >= MIN_GAIN || (!contested && ms <= MAX_LOW_GAIN_MS);
}

/**
 * How long a batch may still be held for items that would join it, in ms: 0 where it is full, where one more item like
 * its longest would save nothing, where its oldest item has waited long enough, or where a deadline comes near.
 */
export function holdMsOf<Item extends Plannable & { readonly arrivedAt: number }>(
  batch: readonly Item[],
  { cost, maxItems, maxTokens, maxDelayMs, now }: HoldOptions,
): number {
  const size = Math.max(...batch.map((item) => item.size));
  if (batch.some(({ group }) => group === null)) return 0;
  if (batch.length >= maxItems || (batch.length + 1) * size > maxTokens) return 0;
  const grownMs = cost.predict(batch.length + 1, size);
  if (grownMs - cost.predict(batch.length, size) > cost.predict(1, size) * (1 - MIN_GAIN)) return 0;
  const until = Math.min(
    ...batch.map(({ arrivedAt, deadlineAt }) => Math.min(arrivedAt + maxDelayMs, deadlineAt - grownMs)),
  );
  return Math.max(0, until - now);
}

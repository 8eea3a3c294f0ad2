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
}

/** Waiting items that the planner looks at for company. */
export const PLAN_WINDOW = 64;

/**
 * Share of its own cost that an item must save by joining. Where a batch saves next to nothing, as images on a CPU do,
 * it would only keep the worker from others for longer.
 */
const MIN_GAIN = 0.05;

/**
 * Chooses the items that run with the oldest one, by marginal cost: an item joins only while the batch grows by less
 * than the item would cost alone, T(B+1, S′) − T(B, S) ≤ 0.95 · T(1, s), and while every deadline in the batch still holds.
 * So a batch is never slower than its items one by one, and padding a short text to a long one's length never happens
 * for nothing.
 *
 * @param waiting in the order of the queue; the first is always in the batch.
 */
export function planBatch<Item extends Plannable>(waiting: readonly Item[], options: PlanOptions): Item[] {
  const [head, ...rest] = waiting;
  if (head === undefined) return [];
  if (head.group === null) return [head];
  const others = rest.filter(({ group }) => group === head.group);
  const { cost, maxItems, maxTokens, now } = options;
  const batch = [head];
  let size = head.size;
  let ms = cost.predict(1, size);
  let firstDeadline = head.deadlineAt;
  const nearest = others.sort((a, b) => Math.abs(a.size - head.size) - Math.abs(b.size - head.size));
  for (const item of nearest) {
    if (batch.length >= maxItems) break;
    const grownSize = Math.max(size, item.size);
    if ((batch.length + 1) * grownSize > maxTokens) continue;
    const grownMs = cost.predict(batch.length + 1, grownSize);
    const aloneMs = cost.predict(1, item.size);
    if (grownMs - ms > aloneMs * (1 - MIN_GAIN)) continue;
    const deadline = Math.min(firstDeadline, item.deadlineAt);
    if (now + grownMs > deadline) continue;
    batch.push(item);
    size = grownSize;
    ms = grownMs;
    firstDeadline = deadline;
  }
  return batch;
}

import type { ErrorData } from '../errors.ts';
import type { BatchResult } from '../scheduler/executor.ts';
import type { EncodedItem } from '../scheduler/item.ts';

/** The runtime's own words may name files. */
const REFUSED: ErrorData = {
  code: 'SERVAL_TENSOR_VALUE',
  message:
    'The graph cannot run on these values: an index beyond its table, for example, or sizes that do not go together.',
};

/**
 * Runs raw tensors, whose values nobody has checked: what the graph refuses is its sender's fault, and in a batch the
 * others must not suffer for it. So a batch that fails runs once more, item by item.
 */
export async function runTensors(
  items: readonly EncodedItem[],
  run: (items: readonly EncodedItem[]) => Promise<BatchResult>,
): Promise<BatchResult> {
  const begun = performance.now();
  try {
    return await run(items);
  } catch {
    if (items.length === 1) {
      return { outcomes: [{ ok: false, error: REFUSED }], pixels: 0, collateMs: 0, runMs: performance.now() - begun };
    }
  }
  const results: BatchResult[] = [];
  for (const item of items) results.push(await runTensors([item], run));
  return {
    outcomes: results.flatMap(({ outcomes }) => outcomes),
    pixels: 0,
    collateMs: results.reduce((total, { collateMs }) => total + collateMs, 0),
    runMs: performance.now() - begun,
  };
}

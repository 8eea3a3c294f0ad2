import { expect, test } from 'vitest';
import type { BatchResult } from '../../src/scheduler/executor.ts';
import type { EncodedItem, TensorsItem } from '../../src/scheduler/item.ts';
import { runTensors } from '../../src/workers/tensor-batch.ts';

const item = (value: number): TensorsItem => ({
  kind: 'tensors',
  tensors: { x: { dataType: 'int64', shape: [1], data: BigInt64Array.of(BigInt(value)) } },
  outputs: ['y'],
  size: 1,
  group: '',
});

/** Gives back what comes in; fails whole batches with a negative number in them. */
async function run(items: readonly EncodedItem[]): Promise<BatchResult> {
  const tensors = items.map((one) => (one.kind === 'tensors' ? one.tensors : {}));
  if (tensors.some(({ x }) => Number(x?.data[0]) < 0)) throw new Error('index out of bounds in /secret/model.onnx');
  return { outcomes: tensors.map((output) => ({ ok: true, output })), pixels: 0, collateMs: 0, runMs: 1 };
}

test('a batch that runs, runs once', async () => {
  const { outcomes } = await runTensors([item(1), item(2)], run);
  expect(outcomes).toEqual([item(1), item(2)].map(({ tensors }) => ({ ok: true, output: tensors })));
});

test('values that the graph refuses fail alone, without the runtime’s words', async () => {
  const { outcomes } = await runTensors([item(1), item(-2), item(3)], run);
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
  expect(outcomes[1]).toMatchObject({ error: { code: 'SERVAL_TENSOR_VALUE' } });
  expect(JSON.stringify(outcomes[1])).not.toContain('secret');
});

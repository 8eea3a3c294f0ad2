import path from 'node:path';
import { expect, test } from 'vitest';
import { GoldenError, verify } from '../../src/pipelines/golden-gate.ts';
import { TextClassification } from '../../src/pipelines/text-classification.ts';
import type { Batch, BatchResult, Executor } from '../../src/scheduler/executor.ts';
import { ExecutorLostError } from '../../src/scheduler/executor.ts';
import type { EncodedItem, ItemOutcome } from '../../src/scheduler/item.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { goldenFile, ID, readTextModel, WORDS, writeTextModel } from '../fixtures/text-model.ts';

const TEXTS = ['good film', 'bad', 'fine film fine', 'bad bad film'];

async function pipeline(files: Record<string, object> = {}): Promise<TextClassification> {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'), { files });
  return new TextClassification(await readTextModel(root));
}

/** Adds up the words as the tiny model does; `bias` is added to the first logit, and may depend on the batch. */
function executor(bias: (batch: Batch) => number = () => 0): Executor & { readonly batches: number[] } {
  const batches: number[] = [];
  const run = async (batch: Batch): Promise<BatchResult> => {
    batches.push(batch.items.length);
    return { outcomes: batch.items.map((item) => outcomeOf(item, bias(batch))), collateMs: 0, runMs: 1, pixels: 0 };
  };
  return { id: 1, run, batches };
}

function outcomeOf(item: EncodedItem, bias: number): ItemOutcome {
  if (item.kind !== 'tokens') throw new Error('a text model gets tokens');
  const wordOf = new Map(Object.entries(ID).map(([word, id]) => [id, word]));
  const words = [...item.ids].map((id) => WORDS[wordOf.get(id) ?? ''] ?? [0, 0, 0]);
  const logits = [0, 1, 2].map((label) =>
    words.reduce((sum, word) => sum + (word[label] ?? 0), label === 0 ? bias : 0),
  );
  return { ok: true, output: { logits: { dataType: 'float32', shape: [3], data: Float32Array.from(logits) } } };
}

test('a version that gives its reference’s scores passes, each sample alone and all of them together', async () => {
  const worker = executor();
  const verification = await verify(await pipeline({ 'golden.json': goldenFile(TEXTS) }), worker);
  expect(worker.batches).toEqual([1, 1, 1, 1, 4]);
  expect(verification.golden).toMatchObject({ samples: 4, tolerance: 1e-4 });
  expect(verification.golden?.largestError).toBeLessThan(1e-6);
  expect(verification.batching).toBe('invariant');
});

test('a version that leaves its tolerance never passes', async () => {
  const model = await pipeline({ 'golden.json': goldenFile(TEXTS, 0.05) });
  await expect(
    verify(
      model,
      executor(() => 1),
    ),
  ).rejects.toThrow(/off its reference, 0\.05 is allowed/);
});

test('within the tolerance a version passes, and its largest error is told', async () => {
  const verification = await verify(
    await pipeline({ 'golden.json': goldenFile(TEXTS, 0.05) }),
    executor(() => 0.05),
  );
  expect(verification.golden?.largestError).toBeGreaterThan(0.001);
});

test('a version whose answers are no numbers never passes, even without references', async () => {
  const verifying = verify(
    await pipeline(),
    executor(() => Number.NaN),
  );
  await expect(verifying).rejects.toThrow(/not one finite number for each label/);
});

test('without golden.json built-in probes run, and nothing is said about correctness', async () => {
  const worker = executor(() => 3);
  const verification = await verify(await pipeline(), worker);
  expect(verification.golden).toBeNull();
  expect(worker.batches.at(-1)).toBeGreaterThan(1);
});

test('scores that move in a batch by less than the tolerance are within it', async () => {
  const model = await pipeline({ 'golden.json': goldenFile(TEXTS, 0.05) });
  const verification = await verify(
    model,
    executor(({ items }) => (items.length > 1 ? 0.05 : 0)),
  );
  expect(verification.batching).toBe('within_tolerance');
});

test('scores that move in a batch by more than the tolerance make batching unsafe', async () => {
  const model = await pipeline({ 'golden.json': goldenFile(TEXTS, 0.05) });
  const verification = await verify(
    model,
    executor(({ items }) => (items.length > 1 ? 1 : 0)),
  );
  expect(verification.batching).toBe('unsafe');
  expect(verification.largestBatchMove).toBeGreaterThan(0.05);
});

test('a version whose serval.json turns batching off is never run in a batch', async () => {
  const worker = executor();
  const model = await pipeline({ 'golden.json': goldenFile(TEXTS), 'serval.json': { batching: 'off' } });
  expect((await verify(model, worker)).batching).toBe('off');
  expect(worker.batches).toEqual([1, 1, 1, 1]);
});

test('a sample that a worker refuses fails the version', async () => {
  const outcomes: ItemOutcome[] = [{ ok: false, error: { code: 'SERVAL_RUN_FAILED', message: 'no' } }];
  const refusing: Executor = { id: 1, run: async () => ({ outcomes, collateMs: 0, runMs: 0, pixels: 0 }) };
  await expect(verify(await pipeline(), refusing)).rejects.toBeInstanceOf(GoldenError);
});

test('a worker that ends meanwhile says nothing about the version', async () => {
  const lost: Executor = { id: 1, run: () => Promise.reject(new ExecutorLostError('killed')) };
  await expect(verify(await pipeline(), lost)).rejects.toBeInstanceOf(ExecutorLostError);
});

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { BatchResult } from '../../src/scheduler/executor.ts';
import type { EncodedItem } from '../../src/scheduler/item.ts';
import { openCache } from '../../src/workers/model-session.ts';
import { OnnxSession } from '../../src/workers/onnx-session.ts';
import { WorkerProcess } from '../../src/workers/worker-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { identityGraph } from '../fixtures/tensor-models.ts';

const VERSION = 'a/1@a';
const SHA256 = 'c'.repeat(64);

/** A worker whose version has its weights in the cache, unless not. */
async function workerWith({ loneThreads = 2, isCached = true } = {}): Promise<WorkerProcess> {
  const folder = await temporaryFolder();
  const modelFile = path.join(folder, 'model.onnx');
  await writeFile(modelFile, identityGraph('float32', ['batch']));
  const cache = { folder: path.join(folder, 'weights'), sha256: SHA256 };
  if (isCached) {
    const weights = await openCache(cache.folder);
    await weights.add(SHA256, async (entry) => void (await OnnxSession.saveOptimised(modelFile, entry)));
  }
  const model = { versionKey: VERSION, modelFile, provider: 'cpu', threads: 1, loneThreads, cache } as const;
  const { promise, resolve } = Promise.withResolvers<void>();
  const worker = new WorkerProcess(1, {
    models: [{ ...model, collate: { kind: 'tensors' }, outputs: ['y'], warmUp: [] }],
    cudaDevice: null,
    events: { ready: () => resolve(), ended: () => resolve() },
    niceness: 0,
  });
  onTestFinished(() => worker.retire(5_000));
  await promise;
  return worker;
}

/** Whether it ran on more cores. */
async function run(worker: WorkerProcess, isLone?: boolean): Promise<boolean | undefined> {
  return (await resultOf(worker, isLone)).isWide;
}

async function resultOf(worker: WorkerProcess, isLone?: boolean): Promise<BatchResult> {
  const x = { dataType: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) } as const;
  const items: EncodedItem[] = [{ kind: 'tensors', tensors: { x }, outputs: ['y'], group: null, size: 3 }];
  const result = await worker.run({ versionKey: VERSION, items, ...(isLone === undefined ? {} : { isLone }) });
  const [outcome] = result.outcomes;
  if (!outcome?.ok) throw new Error(JSON.stringify(outcome));
  expect(outcome.output.y?.data).toEqual(Float32Array.of(1, 2, 3));
  return result;
}

test('a batch that runs alone is given more cores once a first one has prepared for it', async () => {
  const worker = await workerWith();
  const first = await resultOf(worker, true);
  expect(first.isWide).toBe(false);
  // It prepares after its answer, and is not idle meanwhile.
  expect(worker.runningMs).toBeGreaterThan(0);
  await first.rest;
  expect(worker.runningMs).toBe(0);
  expect(await resultOf(worker, true)).toMatchObject({ isWide: true, prepares: false });
  expect(await run(worker, false)).toBe(false);
  expect(await run(worker)).toBe(false);
  expect(await run(worker, true)).toBe(true);
});

test.each([
  ['it is turned off', { loneThreads: 1 }],
  ['the weights are the worker’s own', { isCached: false }],
])('all batches run alike where %s', async (_name, given) => {
  const worker = await workerWith(given);
  for (let k = 0; k < 3; k++) {
    const { isWide, rest } = await resultOf(worker, true);
    expect(isWide).toBe(false);
    expect(rest).toBeUndefined();
  }
});

test('a worker that ends while it prepares prepares no longer', async () => {
  const worker = await workerWith();
  const { rest } = await resultOf(worker, true);
  expect(rest).toBeInstanceOf(Promise);
  worker.kill();
  await rest;
});

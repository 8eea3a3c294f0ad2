import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Launched, LaunchedWorkers } from '../../src/workers/launch.ts';
import type { WorkerModel } from '../../src/workers/protocol.ts';
import { type WorkerEnd, WorkerProcess } from '../../src/workers/worker-process.ts';
import { childrenOf } from '../fixtures/serval-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { identityGraph } from '../fixtures/tensor-models.ts';

async function model(
  versionKey: string,
  bytes: Uint8Array = identityGraph('float32', ['batch']),
): Promise<WorkerModel> {
  const modelFile = path.join(await temporaryFolder(), 'model.onnx');
  await writeFile(modelFile, bytes);
  const common = { provider: 'cpu', threads: 1, loneThreads: 1, cache: null, warmUp: [] } as const;
  return { ...common, versionKey, modelFile, collate: { kind: 'tensors' }, outputs: ['y'] };
}

/** Becomes ready, or ends. */
async function become(launched: Launched, models: readonly WorkerModel[]) {
  const { promise, resolve } = Promise.withResolvers<WorkerEnd | null>();
  const events = { ready: () => resolve(null), ended: (_: WorkerProcess, end: WorkerEnd) => resolve(end) };
  const worker = new WorkerProcess(1, { models, cudaDevice: null, events, niceness: 0, launched });
  onTestFinished(() => worker.retire(5_000));
  return { worker, end: await promise };
}

/** Waits until a process is gone: its parent learns of that a moment later. */
async function gone(pid: number): Promise<void> {
  await expect.poll(() => childrenOf(process.pid)).not.toContain(pid);
}

test('what was launched becomes a worker, with the versions that it loaded before and those it did not', async () => {
  const [early, late] = [await model('early/1@e'), await model('late/1@l')];
  const launched = new LaunchedWorkers(1);
  launched.load(early);
  const taken = launched.take();
  const { worker } = await become(taken, [early, late]);
  expect(worker.pid).toBe(taken.child.pid);
  expect([...worker.loads].map(([key, { ok }]) => [key, ok])).toEqual([
    ['early/1@e', true],
    ['late/1@l', true],
  ]);
});

test('a version that it could not load is told when it becomes a worker', async () => {
  const broken = await model('broken/1@b', Buffer.from('no graph'));
  const launched = new LaunchedWorkers(1);
  launched.load(broken);
  const { worker } = await become(launched.take(), [broken]);
  expect(worker.loads.get('broken/1@b')).toMatchObject({ ok: false });
});

test('one that ended before it was taken is replaced by a new one', async () => {
  const before = childrenOf(process.pid);
  const launched = new LaunchedWorkers(1);
  const [waiting = 0] = childrenOf(process.pid).filter((pid) => !before.includes(pid));
  launched.load(await model('early/1@e'));
  process.kill(waiting, 'SIGKILL');
  await gone(waiting);
  launched.load(await model('late/1@l'));
  const { worker, end } = await become(launched.take(), [await model('early/1@e')]);
  expect(end).toBeNull();
  expect(worker.pid).not.toBe(waiting);
});

test('those that nobody takes are ended', async () => {
  const before = childrenOf(process.pid);
  const launched = new LaunchedWorkers(2);
  const started = childrenOf(process.pid).filter((pid) => !before.includes(pid));
  expect(started).toHaveLength(2);
  launched.discard();
  for (const pid of started) await gone(pid);
});

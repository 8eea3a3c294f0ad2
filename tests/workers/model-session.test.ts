import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openModel } from '../../src/workers/model-session.ts';
import { WorkerProcess } from '../../src/workers/worker-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { identityGraph } from '../fixtures/tensor-models.ts';

async function modelFile(): Promise<string> {
  const file = path.join(await temporaryFolder(), 'model.onnx');
  await writeFile(file, identityGraph('float32', ['batch']));
  return file;
}

const X = { dataType: 'float32', shape: [2], data: Float32Array.of(1, 2) } as const;
/** The real runtime, on a machine that may have a GPU or not; GPU 63 no machine has. */
const NO_SUCH_GPU = 63;

test('what CUDA does not take runs on the CPU, and says why', async () => {
  const model = { modelFile: await modelFile(), provider: 'cuda', cache: null, threads: 1, loneThreads: 1 } as const;
  const { session, provider, providerProblem } = await openModel(model, NO_SUCH_GPU);
  expect(provider).toBe('cpu');
  expect(providerProblem).toMatch(/cuda/i);
  expect(await session.run({ x: X }, ['y'])).toMatchObject({ y: { data: X.data } });
});

test('what is to run on the CPU has no problem to tell', async () => {
  const model = { modelFile: await modelFile(), provider: 'cpu', cache: null, threads: 1, loneThreads: 1 } as const;
  expect(await openModel(model, NO_SUCH_GPU)).toMatchObject({ provider: 'cpu', providerProblem: null });
});

test('a file that is no model is refused whatever is to run it', async () => {
  const file = path.join(await temporaryFolder(), 'model.onnx');
  await writeFile(file, 'no model');
  const model = { modelFile: file, provider: 'cuda', cache: null, threads: 1, loneThreads: 1 } as const;
  await expect(openModel(model, NO_SUCH_GPU)).rejects.toThrow(/model/i);
});

test('a worker tells what runs each of its versions', async () => {
  const shared = {
    threads: 1,
    loneThreads: 1,
    cache: null,
    collate: { kind: 'tensors' },
    outputs: ['y'],
    warmUp: [],
  } as const;
  const file = await modelFile();
  const models = [
    { versionKey: 'a/1@a', modelFile: file, provider: 'cuda', ...shared },
    { versionKey: 'b/1@b', modelFile: file, provider: 'cpu', ...shared },
  ] as const;
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = { ready: () => resolve(), ended: () => resolve() };
  const worker = new WorkerProcess(1, { models, cudaDevice: NO_SUCH_GPU, events, niceness: 0 });
  await promise;
  expect(worker.loads.get('a/1@a')).toMatchObject({
    ok: true,
    provider: 'cpu',
    providerProblem: expect.stringMatching(/cuda/i),
  });
  expect(worker.loads.get('b/1@b')).toMatchObject({ ok: true, provider: 'cpu', providerProblem: null });
  await worker.retire(5_000);
});

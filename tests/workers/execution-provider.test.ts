import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { cudaLibrary, findCuda } from '../../src/workers/execution-provider.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const ANY = { executionProvider: 'auto', cudaDevices: null } as const;

/** A program in the place of the one that tries the GPUs; the library is there. */
async function searchWith(program: string, timeoutMs = 20_000) {
  const folder = await temporaryFolder();
  const [library, probe] = [path.join(folder, 'libcuda.so'), path.join(folder, 'probe.ts')];
  await mkdir(folder, { recursive: true });
  await writeFile(library, '');
  await writeFile(probe, program);
  return { library, probe, timeoutMs };
}

test('the CPU alone: nothing is looked at', async () => {
  const search = await searchWith('process.exit(1)');
  expect(await findCuda({ executionProvider: 'cpu', cudaDevices: null }, search)).toEqual({ state: 'off' });
});

test('without the library nothing is started, and it takes no time', async () => {
  const search = await searchWith('process.exit(1)');
  const begun = performance.now();
  expect(await findCuda(ANY, { ...search, library: `${search.library}.missing` })).toEqual({ state: 'not_installed' });
  expect(performance.now() - begun).toBeLessThan(100);
});

test('the library lies beside the runtime’s other one', () => {
  expect(cudaLibrary()).toMatch(/onnxruntime-node\/bin\/napi-v6\/.*\/libonnxruntime_providers_cuda\.so$/);
});

test('the GPUs that work are used', async () => {
  const search = await searchWith(`console.log(JSON.stringify({ devices: [0, 2], problem: 'GPU 1: is hot' }));`);
  expect(await findCuda(ANY, search)).toEqual({ state: 'works', devices: [0, 2], problem: 'GPU 1: is hot' });
});

test('the GPUs that are named are tried', async () => {
  const search = await searchWith(
    `console.log(JSON.stringify({ devices: process.argv[2].split(',').map(Number), problem: null }));`,
  );
  const cuda = await findCuda({ executionProvider: 'cuda', cudaDevices: [1, 3] }, search);
  expect(cuda).toEqual({ state: 'works', devices: [1, 3], problem: null });
});

test('a library that ends the process that loads it is a reason, not the end of the server', async () => {
  const search = await searchWith(`process.kill(process.pid, 'SIGSEGV');`);
  expect(await findCuda(ANY, search)).toEqual({ state: 'failed', reason: 'the probe ended with SIGSEGV' });
});

test('which library was missing is part of the reason', async () => {
  const search = await searchWith(
    `console.error('Failed to load library /opt/ort/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file');
     console.log(JSON.stringify({ devices: [], problem: 'GPU 0: Failed to load shared library' }));`,
  );
  const reason = 'GPU 0: Failed to load shared library: libcublasLt.so.13: cannot open shared object file';
  expect(await findCuda(ANY, search)).toEqual({ state: 'failed', reason });
});

test('a program that fails is a reason', async () => {
  const search = await searchWith('process.exit(3)');
  expect(await findCuda(ANY, search)).toEqual({ state: 'failed', reason: 'the probe ended with exit code 3' });
});

test('a driver that hangs holds up the start for so long and no longer', async () => {
  const search = await searchWith('setInterval(() => {}, 1_000);', 300);
  expect(await findCuda(ANY, search)).toEqual({ state: 'failed', reason: 'the probe did not end within 300 ms' });
});

// With the real runtime, on a machine without GPUs; where there is one, it works.
test('the probe asks the runtime itself', async () => {
  const { library } = await searchWith('');
  const cuda = await findCuda(ANY, { library });
  if (cuda.state === 'works') expect(cuda.devices.length).toBeGreaterThan(0);
  else expect(cuda).toMatchObject({ state: 'failed', reason: expect.stringMatching(/^GPU 0: \S/) });
});

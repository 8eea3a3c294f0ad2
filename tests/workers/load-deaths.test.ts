import { expect, test, vi } from 'vitest';
import { LoadDeaths } from '../../src/workers/load-deaths.ts';
import type { WorkerModel } from '../../src/workers/protocol.ts';

function model(versionKey: string): WorkerModel {
  const cache = { folder: '/cache', sha256: 'a'.repeat(64) };
  const common = { modelFile: '/model.onnx', threads: 1, loneThreads: 1, outputs: [], warmUp: [] };
  return { versionKey, provider: 'cuda', cache, collate: { kind: 'tensors' }, ...common };
}

test('a version that ends three workers while they load it is left out, once, with the reason', () => {
  const exclude = vi.fn();
  const deaths = new LoadDeaths(exclude);
  for (let death = 0; death < 4; death++) deaths.add('m/1@a', 'SIGSEGV');
  expect(exclude.mock.calls).toEqual([['m/1@a', '3 workers ended while they loaded it (SIGSEGV)']]);
  expect([deaths.isExcluded('m/1@a'), deaths.isExcluded('m/2@b')]).toEqual([true, false]);
});

test('a version that is forgotten may be tried again', () => {
  const deaths = new LoadDeaths(() => {});
  for (let death = 0; death < 3; death++) deaths.add('m/1@a', 'SIGSEGV');
  deaths.forget('m/1@a');
  expect(deaths.isExcluded('m/1@a')).toBe(false);
  deaths.add('m/1@a', 'SIGSEGV');
  expect(deaths.isExcluded('m/1@a')).toBe(false);
});

test('a version that ended a worker is next loaded without the cache and on the CPU, the others as before', () => {
  const deaths = new LoadDeaths(() => {});
  deaths.add('a', 'SIGBUS');
  expect(deaths.loadable([model('a'), model('b')])).toEqual([
    { ...model('a'), cache: null, provider: 'cpu' },
    model('b'),
  ]);
});

test('what is left out is not loaded', () => {
  const deaths = new LoadDeaths(() => {});
  for (let death = 0; death < 3; death++) deaths.add('a', 'SIGSEGV');
  expect(deaths.loadable([model('a'), model('b')])).toEqual([model('b')]);
});

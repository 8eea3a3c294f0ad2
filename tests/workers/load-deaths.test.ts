import { expect, test } from 'vitest';
import { LoadDeaths } from '../../src/workers/load-deaths.ts';
import type { WorkerModel } from '../../src/workers/protocol.ts';

function model(versionKey: string): WorkerModel {
  const cache = { folder: '/cache', sha256: 'a'.repeat(64) };
  return { versionKey, modelFile: '/model.onnx', cache, collate: { kind: 'tensors' }, outputs: [], warmUp: [] };
}

test('a version that ended a worker is next loaded without the cache, the others as before', () => {
  const deaths = new LoadDeaths(() => {});
  deaths.add('a', 'SIGBUS');
  expect(deaths.loadable([model('a'), model('b')])).toEqual([{ ...model('a'), cache: null }, model('b')]);
});

test('a version that ended three workers is left out, and said once', () => {
  const excluded: string[] = [];
  const deaths = new LoadDeaths((versionKey, reason) => excluded.push(`${versionKey}: ${reason}`));
  for (let k = 0; k < 4; k++) deaths.add('a', 'SIGSEGV');
  expect(deaths.loadable([model('a'), model('b')])).toEqual([model('b')]);
  expect(excluded).toEqual(['a: 3 workers ended while they loaded it (SIGSEGV)']);
  deaths.forget('a');
  expect(deaths.loadable([model('a')])).toEqual([model('a')]);
});

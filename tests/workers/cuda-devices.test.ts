import { expect, test } from 'vitest';
import { leastUsedDevice } from '../../src/workers/cuda-devices.ts';

test('workers take turns on the GPUs', () => {
  const workers: { cudaDevice: number | null }[] = [];
  for (let worker = 0; worker < 5; worker++) workers.push({ cudaDevice: leastUsedDevice([0, 1], workers) });
  expect(workers.map(({ cudaDevice }) => cudaDevice)).toEqual([0, 1, 0, 1, 0]);
});

test('a worker that takes another’s place takes its GPU', () => {
  expect(leastUsedDevice([0, 1], [{ cudaDevice: 0 }])).toBe(1);
});

test('without GPUs a worker has none', () => {
  expect(leastUsedDevice([], [])).toBeNull();
});

import { expect, test } from 'vitest';
import { freeMemory, freeOwnMemory } from '../src/off-heap.ts';

test('memory that is given back is gone from every array over it, and no longer counted', () => {
  const bytes = new Uint8Array(40_000_000).fill(1);
  const part = bytes.subarray(0, 10);
  const before = process.memoryUsage().external;
  freeMemory(bytes.buffer);
  expect([bytes.byteLength, part.byteLength]).toEqual([0, 0]);
  expect(before - process.memoryUsage().external).toBeGreaterThanOrEqual(39_000_000);
});

test('an array that shares its memory with others keeps it, as does a small one', () => {
  const whole = new Uint8Array(100_000);
  const part = whole.subarray(0, 50_000);
  const small = new Uint8Array(100);
  for (const array of [part, small]) freeOwnMemory(array);
  expect([whole.byteLength, part.byteLength, small.byteLength]).toEqual([100_000, 50_000, 100]);
  freeOwnMemory(whole);
  expect(part.byteLength).toBe(0);
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { InTurns } from '../../src/observability/in-turns.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function counted() {
  const seen: number[] = [];
  return { seen, events: new InTurns<number>((some) => void seen.push(...some)) };
}

test('counts what came some time later, in order', () => {
  const { seen, events } = counted();
  events.add(1);
  events.add(2);
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(seen).toEqual([1, 2]);
  events.add(3);
  vi.advanceTimersByTime(100);
  expect(seen).toEqual([1, 2, 3]);
});

test('counts at once when somebody looks, and once only', () => {
  const { seen, events } = counted();
  events.add(1);
  events.flush();
  expect(seen).toEqual([1]);
  vi.advanceTimersByTime(1_000);
  expect(seen).toEqual([1]);
});

test('never lets more than some hundred wait', () => {
  const { seen, events } = counted();
  for (let event = 0; event < 256; event++) events.add(event);
  expect(seen).toHaveLength(256);
  expect(vi.getTimerCount()).toBe(0);
});

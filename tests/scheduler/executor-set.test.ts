import { expect, test } from 'vitest';
import { ExecutorSet } from '../../src/scheduler/executor-set.ts';
import { FakeExecutor } from '../fixtures/fake-executor.ts';

function setOf(count: number) {
  const set = new ExecutorSet();
  const executors = Array.from({ length: count }, (_, at) => new FakeExecutor(at + 1));
  for (const executor of executors) set.attach(executor);
  const [first, second] = executors as [FakeExecutor, FakeExecutor];
  return { set, first, second };
}

test('the one that worked last works next, and is lent last', () => {
  const { set, first, second } = setOf(2);
  expect(set.nextIdle).toBe(first);
  set.begin(first, 10);
  set.begin(second, 10);
  expect(set.nextIdle).toBeNull();
  void set.end(first);
  void set.end(second);
  expect([set.nextIdle, set.lastIdle]).toEqual([second, first]);
  set.detach(second);
  expect([set.nextIdle, set.lastIdle]).toEqual([first, first]);
  set.attach(second);
  expect([set.nextIdle, set.lastIdle]).toEqual([first, second]);
});

test('one that was detached while it worked does not come back', () => {
  const { set, first, second } = setOf(2);
  set.begin(first, 10);
  set.detach(first);
  void set.end(first);
  expect([set.nextIdle, set.lastIdle]).toEqual([second, second]);
});

test('one that does something for itself after its batch is idle when that is done', async () => {
  const { set, first, second } = setOf(2);
  const { promise: rest, resolve } = Promise.withResolvers<void>();
  set.begin(first, 10);
  const idle = set.end(first, rest);
  expect([set.nextIdle, set.lastIdle, set.running]).toEqual([second, second, 0]);
  resolve();
  await idle;
  expect([set.nextIdle, set.lastIdle]).toEqual([first, second]);
});

test('one that has made something for lone batches works before one that has not', async () => {
  const { set, first, second } = setOf(2);
  const { promise: rest, resolve } = Promise.withResolvers<void>();
  set.begin(first, 10);
  const idle = set.end(first, rest);
  set.begin(second, 10);
  resolve();
  await idle;
  void set.end(second);
  expect([set.nextIdle, set.lastIdle]).toEqual([first, second]);
  set.begin(first, 20);
  set.begin(second, 20);
  const prepared = set.end(second, Promise.resolve());
  void set.end(first);
  await prepared;
  expect([set.nextIdle, set.lastIdle]).toEqual([second, first]);
});

test('no batch is alone beside one that does something for itself', async () => {
  const { set, first, second } = setOf(2);
  const { promise: rest, resolve } = Promise.withResolvers<void>();
  let idle: Promise<void> | undefined;
  const isLone = (executor: FakeExecutor, during?: Promise<void>) => {
    set.begin(executor, 10);
    const lone = set.isLone;
    idle = set.end(executor, during) ?? idle;
    return lone;
  };
  const before = [isLone(first), isLone(first), isLone(first), isLone(first, rest)];
  const beside = [isLone(second), isLone(second)];
  resolve();
  await idle;
  expect([...before, ...beside, isLone(first)]).toEqual([false, false, false, true, false, false, true]);
});

test('one that was detached while it did does not come back either', async () => {
  const { set, first, second } = setOf(2);
  set.begin(first, 10);
  const idle = set.end(first, Promise.resolve());
  set.detach(first);
  await idle;
  expect([set.nextIdle, set.lastIdle]).toEqual([second, second]);
});

test('a batch is alone when nothing runs beside it, nor did beside the last ones', () => {
  const { set, first, second } = setOf(2);
  const seen = [];
  for (let k = 0; k < 5; k++) {
    set.begin(first, 10);
    seen.push(set.isLone);
    void set.end(first);
  }
  expect(seen).toEqual([false, false, false, true, true]);
  set.begin(first, 10);
  set.begin(second, 10);
  expect(set.isLone).toBe(false);
  void set.end(first);
  void set.end(second);
  set.begin(first, 10);
  expect(set.isLone).toBe(false);
});

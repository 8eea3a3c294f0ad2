import { describe, expect, test, vi } from 'vitest';
import { ServalError } from '../../src/errors.ts';
import { TEXT_PRIOR } from '../../src/scheduler/cost-model.ts';
import { ExecutorLostError } from '../../src/scheduler/executor.ts';
import type { EncodedItem } from '../../src/scheduler/item.ts';
import type { DropReason, SchedulerObserver } from '../../src/scheduler/observer.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import type { Submission } from '../../src/scheduler/submission.ts';
import { FakeExecutor, itemOf, outputOf, settled } from '../fixtures/fake-executor.ts';

const KEY = 'm/1@abc';
const TIMEOUT_MS = 60_000;

class Observer implements SchedulerObserver {
  readonly dropped: DropReason[] = [];
  readonly batches: number[] = [];
  readonly reused: string[] = [];

  batchRan({ items }: { items: number }): void {
    this.batches.push(items);
  }

  itemDropped(_: string, reason: DropReason): void {
    this.dropped.push(reason);
  }

  itemReused(_: string, from: 'shared' | 'cached'): void {
    this.reused.push(from);
  }
}

interface Given {
  readonly maxQueueItems?: number;
  readonly maxBatchItems?: number;
  readonly batching?: boolean;
  readonly maxQueueDelayMs?: number;
  readonly maxQueueMs?: number;
  readonly maxQueueBytes?: number;
  readonly shareIdentical?: boolean;
  readonly cacheBytes?: number;
  readonly quarantineMs?: number;
  readonly now?: () => number;
}

function schedulerWith({
  maxQueueItems = 1_000,
  maxBatchItems = 16,
  maxQueueMs = 60_000,
  maxQueueBytes = 1e9,
  shareIdentical = false,
  cacheBytes = 0,
  batching = true,
  maxQueueDelayMs = 0,
  quarantineMs = 60_000,
  now,
}: Given = {}) {
  const observer = new Observer();
  const scheduler = new Scheduler({
    maxQueueItems,
    maxBatchItems,
    maxBatchTokens: 10_000,
    maxQueueDelayMs,
    maxQueueMs,
    maxQueueBytes,
    shareIdentical,
    cacheBytes,
    quarantineMs,
    observer,
    ...(now === undefined ? {} : { now }),
  });
  scheduler.addVersion(KEY, { batching, prior: TEXT_PRIOR });
  const executor = new FakeExecutor();
  scheduler.attach(executor);
  /** Submits a request. A test may look at its end later than it comes. */
  const submitAll = (items: readonly EncodedItem[], timeoutMs = TIMEOUT_MS, versionKey = KEY) => {
    const submission = scheduler.submit(versionKey, items, { timeoutMs, priority: 'interactive' });
    submission.results.catch(() => {});
    return submission;
  };
  const submit = (name: number, tokens = 4) => submitAll([itemOf(name, tokens)]);
  return { scheduler, executor, observer, submit, submitAll };
}

async function answersOf(submission: Submission): Promise<number[]> {
  return (await submission.results).map(({ output }) => Number(output.logits?.data[0]));
}

async function errorOf(submission: Submission): Promise<ServalError> {
  const error: unknown = await submission.results.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ServalError) return error;
  throw new Error(`no ServalError but ${String(error)}`);
}

describe('order', () => {
  test('a free worker gets an item at once', () => {
    const { executor, submit } = schedulerWith();
    submit(1);
    expect(executor.ran).toEqual([{ versionKey: KEY, names: [1] }]);
  });

  test('what comes while all workers are busy runs together when one is free', async () => {
    const { executor, submit } = schedulerWith();
    submit(1);
    submit(2);
    submit(3);
    await executor.finish();
    expect(executor.ran.map(({ names }) => names)).toEqual([[1], [2, 3]]);
  });

  test('a version that must not batch runs its items one by one, oldest first', async () => {
    const { executor, submit } = schedulerWith({ batching: false });
    for (const name of [1, 2, 3]) submit(name);
    for (let k = 0; k < 3; k++) await executor.finish();
    expect(executor.ran.map(({ names }) => names)).toEqual([[1], [2], [3]]);
  });

  test('a large request does not hold up a small one behind it for all its items', async () => {
    const { executor, submit, submitAll } = schedulerWith({ batching: false });
    submit(0);
    submitAll(Array.from({ length: 100 }, (_, k) => itemOf(1000 + k, 64)));
    // Later by the clock, but long before the predicted turn of the large request's last items.
    await new Promise((resolve) => setTimeout(resolve, 30));
    submit(1);
    for (let k = 0; k < 40; k++) await executor.finish();
    expect(executor.ran.flatMap(({ names }) => names)).toContain(1);
  });

  test('results come in the order of the items, however they were batched', async () => {
    const { executor, submitAll } = schedulerWith({ maxBatchItems: 2 });
    const lengths = [30, 4, 31, 5, 29];
    const submission = submitAll(lengths.map((tokens, name) => itemOf(name, tokens)));
    while (executor.busy) await executor.finish();
    expect(await answersOf(submission)).toEqual([0, 1, 2, 3, 4]);
  });

  test('every worker has work before any gets a second batch', () => {
    const { scheduler, executor, submit } = schedulerWith();
    const second = new FakeExecutor(2);
    scheduler.attach(second);
    submit(1);
    submit(2);
    expect([executor.busy, second.busy]).toEqual([true, true]);
  });

  test('versions with equal work share the workers, whatever their backlogs', async () => {
    const { scheduler, executor, submitAll } = schedulerWith({ batching: false });
    scheduler.addVersion('other/1@def', { batching: false, prior: TEXT_PRIOR });
    for (let k = 0; k < 40; k++) submitAll([itemOf(k)]);
    for (let k = 0; k < 10; k++) submitAll([itemOf(k)], TIMEOUT_MS, 'other/1@def');
    for (let k = 0; k < 20; k++) await executor.finish();
    const others = executor.ran.slice(0, 20).filter(({ versionKey }) => versionKey !== KEY).length;
    expect(others).toBeGreaterThanOrEqual(9);
  });

  test('a version that was idle goes before the backlog of another, whichever was added first', async () => {
    const { scheduler, executor, submitAll } = schedulerWith({ batching: false });
    scheduler.addVersion('second/1@def', { batching: false, prior: TEXT_PRIOR });
    for (const [idle, busy] of [
      ['second/1@def', KEY],
      [KEY, 'second/1@def'],
    ] as const) {
      for (let k = 0; k < 6; k++) submitAll([itemOf(k)], TIMEOUT_MS, busy);
      await executor.finish();
      submitAll([itemOf(9)], TIMEOUT_MS, idle);
      await executor.finish();
      expect(executor.ran.at(-1)?.versionKey).toBe(idle);
      for (let k = 0; k < 5; k++) await executor.finish();
    }
  });

  test('a version’s batches stay within its own limit', async () => {
    const { scheduler, executor, submitAll } = schedulerWith();
    scheduler.addVersion('images/1@def', { batching: true, maxItems: 2, prior: TEXT_PRIOR });
    for (let k = 0; k < 9; k++) submitAll([itemOf(k)], TIMEOUT_MS, 'images/1@def');
    for (let k = 0; k < 5; k++) await executor.finish();
    expect(executor.ran.map(({ names }) => names.length)).toEqual([1, 2, 2, 2, 2]);
  });

  test('a version that was idle does not make up for it at the cost of the others', async () => {
    const { scheduler, executor, submitAll } = schedulerWith({ batching: false });
    scheduler.addVersion('idle/1@def', { batching: false, prior: TEXT_PRIOR });
    for (let k = 0; k < 60; k++) submitAll([itemOf(k)]);
    for (let k = 0; k < 30; k++) await executor.finish();
    for (let k = 0; k < 20; k++) submitAll([itemOf(k)], TIMEOUT_MS, 'idle/1@def');
    const before = executor.ran.length;
    for (let k = 0; k < 20; k++) await executor.finish();
    const own = executor.ran.slice(before, before + 20).filter(({ versionKey }) => versionKey === KEY).length;
    // Half, but for what the versions' costs have been found to be; it would be none if idleness were saved up.
    expect(own).toBeGreaterThanOrEqual(7);
  });
});

describe('a bounded queue', () => {
  test('refuses what does not fit, with the time to come back', () => {
    const { scheduler, submit } = schedulerWith({ maxQueueItems: 2 });
    for (let k = 0; k < 3; k++) submit(k);
    expect(() => submit(9)).toThrow(
      expect.objectContaining({ code: 'SERVAL_OVERLOADED', retryAfterSeconds: expect.any(Number) }),
    );
    expect(scheduler.queuedItemsOf(KEY)).toBe(2);
  });

  test('knows what a version costs when it comes back', () => {
    const { scheduler } = schedulerWith({});
    const known = scheduler.costOf(KEY);
    scheduler.removeVersion(KEY);
    expect(scheduler.costOf(KEY)).toBeNull();
    scheduler.addVersion(KEY, { batching: true, prior: { base: 99, perToken: 0, perTokenPair: 0 } });
    expect(scheduler.costOf(KEY)).toBe(known);
  });

  test('refuses before the body is read', () => {
    const { scheduler, submit } = schedulerWith({ maxQueueItems: 1 });
    submit(1);
    submit(2);
    expect(() => scheduler.door.check({ versionKey: null, timeoutMs: null, waitedMs: 0 })).toThrow(
      expect.objectContaining({ statusCode: 429 }),
    );
  });

  test('takes a request whole or not at all', () => {
    const { scheduler, submit, submitAll } = schedulerWith({ maxQueueItems: 3 });
    submit(0);
    submit(1);
    expect(() => submitAll([2, 3, 4].map((name) => itemOf(name)))).toThrow(ServalError);
    expect(scheduler.queuedItemsOf(KEY)).toBe(1);
  });

  test('has room again when a batch has run', async () => {
    const { executor, scheduler, submit } = schedulerWith({ maxQueueItems: 1 });
    submit(1);
    submit(2);
    await executor.finish();
    expect(() => scheduler.door.check({ versionKey: null, timeoutMs: null, waitedMs: 0 })).not.toThrow();
  });

  test('predicts a longer wait the more is queued, and none when all has run', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    submit(0);
    submit(1, 64);
    const short = scheduler.predictedWaitMs;
    submit(2, 64);
    expect(scheduler.predictedWaitMs).toBeGreaterThan(short);
    while (executor.busy) await executor.finish();
    expect(scheduler.predictedWaitMs).toBe(0);
  });
});

describe('cancellation', () => {
  test('takes the waiting items of the request out of the queue', async () => {
    const { scheduler, executor, observer, submit, submitAll } = schedulerWith();
    submit(1);
    const gone = submitAll([itemOf(2), itemOf(3)]);
    scheduler.cancel(gone);
    expect((await errorOf(gone)).code).toBe('SERVAL_CLIENT_CLOSED');
    expect(scheduler.queuedItemsOf(KEY)).toBe(0);
    await executor.finish();
    expect(executor.ran).toHaveLength(1);
    expect(observer.dropped).toEqual(['cancelled', 'cancelled']);
  });

  test('leaves a batch that runs alone, and the other requests in it are answered', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    submit(1);
    const gone = submit(2);
    const stays = submit(3);
    await executor.finish();
    scheduler.cancel(gone);
    await executor.finish();
    expect(await answersOf(stays)).toEqual([3]);
    expect((await errorOf(gone)).code).toBe('SERVAL_CLIENT_CLOSED');
  });

  test('after the answer changes nothing', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    const submission = submit(1);
    await executor.finish();
    scheduler.cancel(submission);
    expect(await answersOf(submission)).toEqual([1]);
  });
});

describe('deadlines', () => {
  test('a request that waits too long is answered with 504 and leaves the queue', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      let now = 0;
      const { scheduler, observer, submit, submitAll } = schedulerWith({ now: () => now });
      submit(1);
      const late = submitAll([itemOf(2)], 50);
      now = 51;
      vi.advanceTimersByTime(50);
      const error = await errorOf(late);
      expect(error).toMatchObject({ code: 'SERVAL_DEADLINE_EXCEEDED', statusCode: 504, details: { timeoutMs: 50 } });
      expect(scheduler.queuedItemsOf(KEY)).toBe(0);
      expect(observer.dropped).toEqual(['deadline']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a request whose batch runs too long is answered in time, and its late answer is dropped', async () => {
    const { scheduler, executor, submitAll } = schedulerWith();
    const late = submitAll([itemOf(1)], 30);
    expect((await errorOf(late)).code).toBe('SERVAL_DEADLINE_EXCEEDED');
    await executor.finish();
    expect(scheduler.queuedItemsOf(KEY)).toBe(0);
  });
});

describe('a worker that ends', () => {
  test('costs no request: its batch runs once more elsewhere', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    const submission = submit(1);
    scheduler.detach(executor);
    await executor.lose();
    const second = new FakeExecutor(2);
    scheduler.attach(second);
    await second.finish();
    expect(await answersOf(submission)).toEqual([1]);
  });

  test('twice under the same item, gives that item up with SERVAL_WORKER_LOST', async () => {
    const { executor, submit } = schedulerWith();
    const submission = submit(1);
    await executor.lose();
    await executor.lose();
    expect(await errorOf(submission)).toMatchObject({ code: 'SERVAL_WORKER_LOST', statusCode: 500 });
    expect(executor.busy).toBe(false);
  });

  test('twice because it hung, gives the item up with SERVAL_RUN_TIMEOUT', async () => {
    const { executor, submit } = schedulerWith();
    const submission = submit(1);
    await executor.fail(new ExecutorLostError('hung', { hung: true }));
    await executor.fail(new ExecutorLostError('hung', { hung: true }));
    expect(await errorOf(submission)).toMatchObject({ code: 'SERVAL_RUN_TIMEOUT', statusCode: 500 });
  });

  test('under a batch with one poison item, costs only that item', async () => {
    const { executor, submit } = schedulerWith();
    const first = submit(99);
    await executor.finish();
    await first.results;
    // Waits for the others, which then run as one batch.
    submit(98);
    const submissions = [1, 2, 3, 4, 5].map((name) => submit(name));
    await executor.finish();
    const poison = 4;
    while (executor.busy) {
      if (executor.ran.at(-1)?.names.includes(poison)) await executor.lose();
      else await executor.finish();
    }
    for (const [at, submission] of submissions.entries()) {
      if (at + 1 === poison) expect(await errorOf(submission)).toMatchObject({ code: 'SERVAL_WORKER_LOST' });
      else expect(await answersOf(submission)).toEqual([at + 1]);
    }
    expect(executor.ran.slice(2).map(({ names }) => names)).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5],
      [1, 2, 3],
      [4, 5],
      [4],
      [5],
      [4],
    ]);
  });

  test('twice under an item alone, has the item refused until its time is over', async () => {
    let now = 0;
    const { executor, submit } = schedulerWith({ quarantineMs: 1_000, now: () => now });
    submit(1);
    await executor.lose();
    await executor.lose();
    expect(() => submit(1)).toThrow(expect.objectContaining({ code: 'SERVAL_QUARANTINED', statusCode: 422 }));
    const other = submit(2);
    await executor.finish();
    expect(await answersOf(other)).toEqual([2]);
    now = 1_000;
    const again = submit(1);
    await executor.finish();
    expect(await answersOf(again)).toEqual([1]);
  });

  test('under a batch twice, does not count against an item that then runs alone', async () => {
    const { executor, submit } = schedulerWith();
    submit(98);
    const [first, second] = [submit(1), submit(2)];
    await executor.finish();
    for (let death = 0; death < 3; death++) await executor.lose();
    while (executor.busy) await executor.finish();
    expect([await answersOf(first), await answersOf(second)]).toEqual([[1], [2]]);
    expect(() => submit(1)).not.toThrow();
  });

  test('leaves suspect batches to one worker, so that the others go on', async () => {
    const { scheduler, executor, submit } = schedulerWith({ batching: false });
    const second = new FakeExecutor(2);
    scheduler.attach(second);
    for (const name of [1, 2, 3, 4]) submit(name);
    await executor.lose();
    await second.lose();
    expect([executor.ran.at(-1)?.names, second.ran.at(-1)?.names]).toEqual([[1], [3]]);
    await executor.finish();
    expect(executor.ran.at(-1)?.names).toEqual([2]);
  });

  test('whose client has gone away is not run again', async () => {
    const { scheduler, executor, submit, observer } = schedulerWith({ batching: false });
    const second = new FakeExecutor(2);
    scheduler.attach(second);
    const [, given] = [submit(1), submit(2)];
    await executor.lose();
    await second.lose();
    expect(scheduler.queuedItemsOf(KEY)).toBe(1);
    scheduler.cancel(given);
    expect(scheduler.queuedItemsOf(KEY)).toBe(0);
    expect(observer.dropped).toEqual(['cancelled']);
    await executor.finish();
    expect([executor.busy, second.busy]).toEqual([false, false]);
  });

  test('sends its items back to where they stood', async () => {
    const { executor, submit } = schedulerWith({ batching: false });
    for (const name of [1, 2, 3]) submit(name);
    await executor.lose();
    await executor.finish();
    expect(executor.ran.map(({ names }) => names)).toEqual([[1], [1], [2]]);
  });

  test('is not given work again once it is detached', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    submit(1);
    scheduler.detach(executor);
    await executor.finish();
    submit(2);
    expect(executor.busy).toBe(false);
    expect(scheduler.queuedItemsOf(KEY)).toBe(1);
  });
});

describe('failures', () => {
  test('one item’s failure fails its request and takes the rest of it out of the queue', async () => {
    const { scheduler, executor, observer, submitAll } = schedulerWith({ batching: false });
    const submission = submitAll([itemOf(1), itemOf(2), itemOf(3)]);
    const outcomes = [{ ok: false, error: { code: 'SERVAL_TEXT_TOO_LONG', message: 'no' } }] as const;
    await executor.finishWith({ outcomes, collateMs: 0, runMs: 1, pixels: 0 });
    expect((await errorOf(submission)).code).toBe('SERVAL_TEXT_TOO_LONG');
    expect(observer.dropped.length + executor.ran.length).toBe(3);
    while (executor.busy) await executor.finish();
    expect(scheduler.queuedItemsOf(KEY)).toBe(0);
  });

  test('an item’s failure leaves the other requests of its batch alone', async () => {
    const { executor, submit } = schedulerWith();
    submit(0);
    const bad = submit(1);
    const good = submit(2);
    await executor.finish();
    const output = { logits: { dataType: 'float32', shape: [1], data: Float32Array.of(2) } } as const;
    const outcomes = [
      { ok: false, error: { code: 'SERVAL_RUN_FAILED', message: 'no' } },
      { ok: true, output },
    ] as const;
    await executor.finishWith({ outcomes, collateMs: 0, runMs: 1, pixels: 0 });
    expect((await errorOf(bad)).code).toBe('SERVAL_RUN_FAILED');
    expect(await answersOf(good)).toEqual([2]);
  });

  test('a batch that cannot run fails with its error, and the worker goes on', async () => {
    const { executor, submit } = schedulerWith();
    const submission = submit(1);
    await executor.fail(new ServalError('SERVAL_RUN_FAILED', 'the graph refuses'));
    expect((await errorOf(submission)).code).toBe('SERVAL_RUN_FAILED');
    submit(2);
    expect(executor.busy).toBe(true);
  });

  test('a worker that answers for too few items is a bug, and every request of the batch hears of it', async () => {
    const { executor, submit } = schedulerWith();
    const submission = submit(1);
    await executor.finishWith({ outcomes: [], collateMs: 0, runMs: 1, pixels: 0 });
    expect((await errorOf(submission)).code).toBe('SERVAL_INTERNAL');
  });

  test('a version that is taken out fails what waits for it, and takes no more', async () => {
    const { scheduler, executor, submit, observer } = schedulerWith({ batching: false });
    const [, waiting] = [submit(1), submit(2)];
    scheduler.removeVersion(KEY);
    expect(await errorOf(waiting)).toMatchObject({ code: 'SERVAL_VERSION_NOT_READY' });
    expect(observer.dropped).toEqual(['version_gone']);
    expect(() => submit(3)).toThrow(expect.objectContaining({ code: 'SERVAL_VERSION_NOT_READY' }));
    await executor.finish();
    expect(executor.busy).toBe(false);
  });

  test('a version that is not there is not served', () => {
    const { submitAll } = schedulerWith();
    expect(() => submitAll([itemOf(1)], TIMEOUT_MS, 'gone/1@0')).toThrow(
      expect.objectContaining({ code: 'SERVAL_VERSION_NOT_READY' }),
    );
  });
});

describe('draining', () => {
  test('is over at once where nothing was accepted', async () => {
    await expect(schedulerWith().scheduler.drained()).resolves.toBeUndefined();
  });

  test('waits for what runs and for what waits', async () => {
    const { scheduler, executor, submit } = schedulerWith({ batching: false });
    submit(1);
    submit(2);
    let over = false;
    const drained = scheduler.drained().then(() => {
      over = true;
    });
    await executor.finish();
    expect(over).toBe(false);
    await executor.finish();
    await drained;
    expect(over).toBe(true);
  });
});

test('an answer tells how long its item waited and how many ran with it', async () => {
  let now = 0;
  const { executor, submit } = schedulerWith({ now: () => now });
  submit(1);
  const waited = submit(2);
  submit(3);
  now = 25;
  await executor.finish();
  await executor.finish(7);
  await settled();
  expect(await waited.results).toEqual([expect.objectContaining({ queueMs: 25, runMs: 7, batchItems: 2 })]);
});

describe('priorities', () => {
  test('a background item yields to interactive ones that come later', async () => {
    const { scheduler, executor, submit } = schedulerWith({ batching: false });
    submit(1);
    scheduler.submit(KEY, [itemOf(2)], { timeoutMs: TIMEOUT_MS, priority: 'background' });
    submit(3);
    while (executor.busy) await executor.finish();
    expect(executor.ran.map(({ names }) => names[0])).toEqual([1, 3, 2]);
  });

  test('a background item of one version yields to an interactive one of another', async () => {
    const { scheduler, executor, submit, submitAll } = schedulerWith({ batching: false });
    scheduler.addVersion('other/1@def', { batching: false, prior: TEXT_PRIOR });
    submit(1);
    scheduler.submit(KEY, [itemOf(2)], { timeoutMs: TIMEOUT_MS, priority: 'background' });
    submitAll([itemOf(3)], TIMEOUT_MS, 'other/1@def');
    while (executor.busy) await executor.finish();
    expect(executor.ran.map(({ names }) => names[0])).toEqual([1, 3, 2]);
  });

  test('a background item does not starve: interactive ones that come ten seconds later stand behind it', async () => {
    let now = 0;
    const { scheduler, executor, submit } = schedulerWith({ batching: false, now: () => now });
    submit(1);
    scheduler.submit(KEY, [itemOf(2)], { timeoutMs: TIMEOUT_MS, priority: 'background' });
    now = 10_001;
    submit(3);
    while (executor.busy) await executor.finish();
    expect(executor.ran.map(({ names }) => names[0])).toEqual([1, 2, 3]);
  });
});

test('an item that could only be answered too late is not run', async () => {
  let now = 0;
  const { executor, submit, submitAll } = schedulerWith({ now: () => now });
  submit(1);
  const late = submitAll([itemOf(2)], 30);
  now = 29.9;
  await executor.finish();
  expect((await errorOf(late)).code).toBe('SERVAL_DEADLINE_EXCEEDED');
  expect(executor.ran).toHaveLength(1);
});

test('a request that cannot be answered in time is refused when it comes', () => {
  const { submit, submitAll } = schedulerWith({ batching: false });
  for (let k = 0; k < 50; k++) submit(k, 64);
  expect(() => submitAll([itemOf(99, 64)], 100)).toThrow(
    expect.objectContaining({ code: 'SERVAL_OVERLOADED', details: expect.objectContaining({ timeoutMs: 100 }) }),
  );
});

describe('a queue delay', () => {
  test('holds an item for company, and runs both together', async () => {
    const { executor, submit } = schedulerWith({ maxQueueDelayMs: 60 });
    submit(1);
    expect(executor.ran).toEqual([]);
    submit(2);
    await vi.waitFor(() => expect(executor.ran.map(({ names }) => names)).toEqual([[1, 2]]));
  });

  test('ends as soon as the batch is full', () => {
    const { executor, submit } = schedulerWith({ maxQueueDelayMs: 10_000, maxBatchItems: 2 });
    submit(1);
    submit(2);
    expect(executor.ran.map(({ names }) => names)).toEqual([[1, 2]]);
  });

  test('is none for a version that runs its items one by one', () => {
    const { executor, submit } = schedulerWith({ maxQueueDelayMs: 10_000, batching: false });
    submit(1);
    expect(executor.ran.map(({ names }) => names)).toEqual([[1]]);
  });

  test('of one version holds up no other', () => {
    const { scheduler, executor, submit, submitAll } = schedulerWith({ maxQueueDelayMs: 10_000 });
    scheduler.addVersion('other/1@abc', { batching: false, prior: TEXT_PRIOR });
    submit(1);
    submitAll([itemOf(2)], TIMEOUT_MS, 'other/1@abc');
    expect(executor.ran.map(({ names }) => names)).toEqual([[2]]);
  });
});

describe('a batch that nothing runs beside', () => {
  const LONG = 128;

  test('may have all cores after several of them, where it is long and nothing waits', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    const second = new FakeExecutor(2);
    scheduler.attach(second);
    for (const tokens of [LONG, LONG, LONG, LONG, 4, LONG]) {
      submit(1, tokens);
      await executor.finish(12);
    }
    expect(executor.lone).toEqual([false, false, false, true, false, true]);
    submit(1, LONG);
    submit(2, LONG);
    await second.finish(12);
    await executor.finish(12);
    submit(3, LONG);
    expect([executor.lone.slice(-2), second.lone]).toEqual([[true, false], [false]]);
  });

  test('may have them where it is short too, while one client alone asks', async () => {
    let at = 0;
    const { scheduler, executor } = schedulerWith({ now: () => at });
    const [anne, bert] = [{}, {}];
    const ask = async (client: object, tokens = 16) => {
      at += 90;
      scheduler.submit(KEY, [itemOf(1, tokens)], { timeoutMs: TIMEOUT_MS, priority: 'interactive', client });
      await executor.finish(3);
      return executor.lone.at(-1);
    };
    for (let k = 0; k < 4; k++) expect(await ask(anne)).toBe(false);
    expect(await ask(anne)).toBe(true);
    expect(await ask(bert)).toBe(false);
    expect(await ask(bert, LONG)).toBe(true);
  });

  test('teaches nothing about what a batch costs on one core', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    const before = scheduler.costOf(KEY)?.coefficients;
    const result = (isWide: boolean) => ({
      outcomes: [{ ok: true, output: {} } as const],
      collateMs: 0,
      runMs: 500,
      pixels: 0,
      isWide,
    });
    for (let k = 0; k < 40; k++) {
      submit(1, LONG);
      await executor.finishWith(result(true));
    }
    expect(scheduler.costOf(KEY)?.coefficients).toEqual(before);
    for (let k = 0; k < 40; k++) {
      submit(1, LONG);
      await executor.finishWith(result(false));
    }
    expect(scheduler.costOf(KEY)?.coefficients).not.toEqual(before);
  });
});

test('an executor that does something for itself after a batch gets the next one when that is done', async () => {
  const { executor, submit } = schedulerWith();
  const { promise: rest, resolve } = Promise.withResolvers<void>();
  const first = submit(1);
  const outcomes = [{ ok: true, output: outputOf(1) } as const];
  await executor.finishWith({ outcomes, collateMs: 0, runMs: 1, pixels: 0, rest });
  await first.results;
  submit(2);
  await settled();
  expect(executor.busy).toBe(false);
  resolve();
  await settled();
  expect(executor.ran.map(({ names }) => names)).toEqual([[1], [2]]);
});

describe('lending an executor', () => {
  test('gives an idle one, which gets no work until it is given back', () => {
    const { scheduler, executor, submit } = schedulerWith();
    expect(scheduler.lend()).toBe(executor);
    expect(scheduler.lend()).toBeNull();
    submit(1);
    expect(executor.ran).toEqual([]);
    scheduler.attach(executor);
    expect(executor.ran.map(({ names }) => names)).toEqual([[1]]);
  });

  test('gives none while a request is unanswered, though another executor is idle', async () => {
    const { scheduler, executor, submit } = schedulerWith();
    scheduler.attach(new FakeExecutor(2));
    submit(1);
    expect(scheduler.lend()).toBeNull();
    await executor.finish();
    expect(scheduler.lend()).not.toBeNull();
  });
});

test('a version whose batches are found to cost little more than an item runs as many together as its own bounds allow', async () => {
  const { scheduler, executor, submitAll } = schedulerWith();
  const key = 'gpu/1@abc';
  scheduler.addVersion(key, {
    batching: true,
    prior: TEXT_PRIOR,
    bounds: { maxBatchItems: 128, maxBatchTokens: 16_384 },
  });
  const shapes = [1, 8, 64, 128].flatMap((count) => [16, 64].map((size) => ({ count, size })));
  // Milliseconds of a GPU: what an item more costs hardly shows.
  scheduler.costOf(key)?.calibrate(shapes.map(({ count, size }) => ({ count, size, ms: 3 + 0.001 * count * size })));
  submitAll([itemOf(0, 16)], TIMEOUT_MS, key);
  submitAll(
    Array.from({ length: 200 }, (_, name) => itemOf(name + 1, 16)),
    TIMEOUT_MS,
    key,
  );
  await executor.finish(3);
  expect(executor.ran.map(({ names }) => names.length)).toEqual([1, 128]);
  await executor.finish(3);
  await executor.finish(3);
  expect(executor.ran.map(({ names }) => names.length)).toEqual([1, 128, 72]);
});

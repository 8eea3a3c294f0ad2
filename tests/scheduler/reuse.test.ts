import { describe, expect, test } from 'vitest';
import { TEXT_PRIOR } from '../../src/scheduler/cost-model.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import type { SchedulerOptions } from '../../src/scheduler/scheduler-options.ts';
import { FakeExecutor, itemOf } from '../fixtures/fake-executor.ts';

const KEY = 'm/1@abc';

function schedulerWith(options: Partial<SchedulerOptions>) {
  const reused: string[] = [];
  const observer = {
    batchRan: () => {},
    itemDropped: () => {},
    itemReused: (_: string, from: string) => reused.push(from),
  };
  const scheduler = new Scheduler({
    maxQueueItems: 100,
    maxQueueMs: 60_000,
    maxQueueBytes: 1e9,
    maxBatchItems: 16,
    maxBatchTokens: 10_000,
    maxQueueDelayMs: 0,
    shareIdentical: true,
    cacheBytes: 0,
    quarantineMs: 0,
    observer,
    ...options,
  });
  scheduler.addVersion(KEY, { batching: true, prior: TEXT_PRIOR });
  const executor = new FakeExecutor();
  scheduler.attach(executor);
  const submit = (...names: number[]) => {
    const items = names.map((name) => itemOf(name));
    const submission = scheduler.submit(KEY, items, { timeoutMs: 60_000, priority: 'interactive' });
    submission.results.catch(() => {});
    return submission;
  };
  return { scheduler, executor, reused, submit };
}

describe('identical items in flight', () => {
  test('run once, and all who asked are answered', async () => {
    const { executor, reused, submit } = schedulerWith({});
    submit(1);
    const first = submit(2);
    const second = submit(2);
    await executor.finish();
    await executor.finish();
    expect(executor.ran.map(({ names }) => names)).toEqual([[1], [2]]);
    expect((await first.results)[0]?.from).toBe('run');
    expect((await second.results)[0]?.from).toBe('shared');
    expect(reused).toEqual(['shared']);
  });

  test('join the one that runs already', async () => {
    const { executor, submit } = schedulerWith({});
    submit(1);
    const joined = submit(1);
    await executor.finish();
    expect(await joined.results).toHaveLength(1);
    expect(executor.ran).toHaveLength(1);
  });

  test('within one request are answered each', async () => {
    const { executor, submit } = schedulerWith({});
    const submission = submit(7, 7, 7);
    await executor.finish();
    expect(await submission.results).toHaveLength(3);
    expect(executor.busy).toBe(false);
  });

  test('outlive the one who asked first', async () => {
    const { scheduler, executor, submit } = schedulerWith({});
    submit(1);
    const gone = submit(2);
    const stays = submit(2);
    scheduler.cancel(gone);
    await executor.finish();
    await executor.finish();
    expect(await stays.results).toHaveLength(1);
  });

  test('leave the queue when nobody is left who asked', () => {
    const { scheduler, submit } = schedulerWith({});
    submit(1);
    const both = [submit(2), submit(2)];
    for (const submission of both) scheduler.cancel(submission);
    expect(scheduler.queuedItemsOf(KEY)).toBe(0);
  });

  test('run each on its own where sharing is off', async () => {
    const { executor, submit } = schedulerWith({ shareIdentical: false });
    submit(1);
    submit(2);
    submit(2);
    await executor.finish();
    expect(executor.ran.at(-1)?.names).toEqual([2, 2]);
  });
});

describe('the answer cache', () => {
  test('answers at once what was answered before', async () => {
    const { executor, reused, submit } = schedulerWith({ cacheBytes: 1e6 });
    const first = submit(1);
    await executor.finish();
    const [again] = await submit(1).results;
    expect(again?.from).toBe('cached');
    expect(again?.output).toEqual((await first.results)[0]?.output);
    expect(executor.ran).toHaveLength(1);
    expect(reused).toEqual(['cached']);
  });

  test('forgets the oldest answers rather than grow', async () => {
    const { executor, submit } = schedulerWith({ cacheBytes: 1_000 });
    for (const name of [1, 2, 3, 4]) {
      submit(name);
      await executor.finish();
    }
    submit(1);
    expect(executor.ran.map(({ names }) => names)).toEqual([[1], [2], [3], [4], [1]]);
  });

  test('keeps nothing where it is off', async () => {
    const { executor, submit } = schedulerWith({});
    submit(1);
    await executor.finish();
    submit(1);
    expect(executor.ran).toHaveLength(2);
  });
});

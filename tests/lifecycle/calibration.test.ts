import { expect, test, vi } from 'vitest';
import { Calibration } from '../../src/lifecycle/calibration.ts';
import { CostModel, TEXT_PRIOR } from '../../src/scheduler/cost-model.ts';
import { type Batch, type BatchResult, type Executor, ExecutorLostError } from '../../src/scheduler/executor.ts';
import type { EncodedItem } from '../../src/scheduler/item.ts';
import { itemOf } from '../fixtures/fake-executor.ts';

const KEY = 'm/1@abc';

function texts(count: number, size: number): EncodedItem[] {
  return Array.from({ length: count }, () => itemOf(1, size));
}

const BATCHES = [texts(1, 8), texts(1, 32), texts(8, 8), texts(4, 32)];

/** Takes 3 ms and 0.4 ms a token. */
function timeOf({ items }: Batch): number {
  const size = Math.max(...items.map((item) => (item.kind === 'tokens' ? item.ids.length : 0)));
  return 3 + 0.4 * items.length * size;
}

class TimedExecutor implements Executor {
  readonly id = 1;
  readonly ran: number[] = [];
  readonly #run: (batch: Batch, at: number) => number;

  constructor(run: (batch: Batch, at: number) => number = timeOf) {
    this.#run = run;
  }

  async run(batch: Batch): Promise<BatchResult> {
    const runMs = this.#run(batch, this.ran.length);
    this.ran.push(batch.items.length);
    return { outcomes: batch.items.map(() => ({ ok: true, output: {} })), collateMs: 0, runMs, pixels: 0 };
  }
}

function calibrationOf(executor: Executor, isServing: () => boolean = () => true) {
  const cost = new CostModel(TEXT_PRIOR);
  const attached: Executor[] = [];
  const logged: string[] = [];
  let free: Executor | null = executor;
  const scheduler = {
    lend: () => {
      const lent = free;
      free = null;
      return lent;
    },
    attach: (given: Executor) => {
      attached.push(given);
      free = given;
    },
    costOf: () => cost,
  };
  const log = { info: (_: object, message: string) => void logged.push(message) };
  const calibration = new Calibration({ scheduler, isServing, log });
  const start = (batches = BATCHES) => calibration.add({ versionKey: KEY, batches: async () => batches });
  return { calibration, start, cost, attached, logged };
}

test('the cost model predicts what was measured', async () => {
  const executor = new TimedExecutor();
  const { start, cost, logged } = calibrationOf(executor);
  start();
  await vi.waitFor(() => expect(logged).toEqual(['calibrated']));
  expect(executor.ran).toHaveLength(12);
  expect(cost.predict(2, 16)).toBeCloseTo(15.8, 3);
});

test('of several runs of a batch the shortest counts', async () => {
  const { start, cost, logged } = calibrationOf(new TimedExecutor((batch, at) => timeOf(batch) * (at < 4 ? 1.7 : 1)));
  start();
  await vi.waitFor(() => expect(logged).toEqual(['calibrated']));
  expect(cost.predict(2, 16)).toBeCloseTo(15.8, 3);
});

test('the executor is given back after each batch, so that a request waits for one at most', async () => {
  const executor = new TimedExecutor();
  const { start, attached, logged } = calibrationOf(executor);
  start();
  await vi.waitFor(() => expect(logged).toEqual(['calibrated']));
  expect(attached).toHaveLength(executor.ran.length);
});

test('a batch that is predicted to hold up others for long is left out', async () => {
  const executor = new TimedExecutor((batch) => 10 * timeOf(batch));
  const { start, logged } = calibrationOf(executor);
  start();
  await vi.waitFor(() => expect(logged).toEqual(['calibrated']));
  expect(Math.max(...executor.ran)).toBe(1);
});

test('a version takes a second of worker time, and one batch more, at most', async () => {
  const executor = new TimedExecutor(() => 55);
  const { start, logged } = calibrationOf(executor);
  start(Array.from({ length: 30 }, () => texts(1, 8)));
  await vi.waitFor(() => expect(logged).toEqual(['calibrated']));
  expect(executor.ran).toHaveLength(19);
});

test('an executor that ended meanwhile is not given back', async () => {
  const lost: Executor = { id: 1, run: () => Promise.reject(new ExecutorLostError('killed')) };
  const { calibration, start, attached, cost } = calibrationOf(lost, () => false);
  start([texts(1, 8)]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  calibration.stop();
  expect(attached).toEqual([]);
  expect(cost.coefficients).toEqual(TEXT_PRIOR);
});

test('a version that cannot run its batches is left to the real ones', async () => {
  const failing: Executor = { id: 1, run: () => Promise.reject(new Error('no')) };
  const { start, cost, attached, logged } = calibrationOf(failing);
  start();
  await vi.waitFor(() => expect(logged).toEqual(['not calibrated']));
  expect(cost.isCalibrated).toBe(false);
  expect(attached).toHaveLength(1);
});

import { describe, expect, test } from 'vitest';
import { Admission, type Load } from '../../src/scheduler/admission.ts';
import { CostModel } from '../../src/scheduler/cost-model.ts';
import { Job } from '../../src/scheduler/job.ts';
import { VersionQueue } from '../../src/scheduler/version-queue.ts';
import { itemOf } from '../fixtures/fake-executor.ts';

const WIDE = { maxQueueItems: 100, maxQueueMs: 10_000, maxQueueBytes: 1e6 };

/** A queue whose items cost 10 ms each. */
function queueOf(count: number, key = 'm/1@abc'): VersionQueue {
  const cost = new CostModel({ base: 10, perToken: 0, perTokenPair: 0 });
  const queue = new VersionQueue({ key, maxBatchItems: 16, maxBatchTokens: 512, maxQueueDelayMs: 0, cost });
  for (let k = 0; k < count; k++) queue.add(new Job(itemOf(k), k, null));
  return queue;
}

function loadOf(queues: VersionQueue[], workers = 2, firstFreeMs = 0): Load {
  return { queues, workers, firstFreeMs };
}

function arrivalAt(queue: VersionQueue, timeoutMs: number, rank = 1_000) {
  return { queue, rank, items: 1, bytes: 16, workMs: 10, longestMs: 10, timeoutMs, waitedMs: 0 };
}

function asking(timeoutMs: number | null, queue: VersionQueue | null = null, waitedMs = 0) {
  return { timeoutMs, queue, waitedMs };
}

/** Waits of 20 ms and more are counted 1.4 times as long: see WaitCorrection. */
const refusal = (details: object) => expect.objectContaining({ code: 'SERVAL_OVERLOADED', details });

describe('the exact check', () => {
  test('takes in what can be answered in time', () => {
    const queue = queueOf(10);
    expect(() => new Admission(WIDE).checkArrival(loadOf([queue]), arrivalAt(queue, 80))).not.toThrow();
  });

  test('refuses what cannot, with the predicted time and when to come back', () => {
    const queue = queueOf(10);
    expect(() => new Admission(WIDE).checkArrival(loadOf([queue]), arrivalAt(queue, 40))).toThrow(
      refusal({ predictedMs: 80, timeoutMs: 40, retryAfterMs: 40 }),
    );
  });

  test('counts the batches that run', () => {
    const queue = queueOf(10);
    expect(() => new Admission(WIDE).checkArrival(loadOf([queue], 2, 30), arrivalAt(queue, 60))).toThrow(
      refusal(expect.objectContaining({ predictedMs: 122 })),
    );
  });

  test('counts only what stands before the arrival', () => {
    const queue = queueOf(10);
    expect(() => new Admission(WIDE).checkArrival(loadOf([queue]), arrivalAt(queue, 25, 1))).not.toThrow();
  });

  test('counts another version’s backlog as its turns come, not whole', () => {
    const queue = queueOf(0);
    const images = queueOf(80, 'images/1@def');
    expect(() => new Admission(WIDE).checkArrival(loadOf([queue, images]), arrivalAt(queue, 25))).not.toThrow();
  });

  test('a request of many items is as long as all of them on all workers', () => {
    const queue = queueOf(0);
    const many = { ...arrivalAt(queue, 400), items: 50, workMs: 1_000 };
    expect(() => new Admission(WIDE).checkArrival(loadOf([queue]), many)).toThrow(
      refusal(expect.objectContaining({ predictedMs: 500 })),
    );
  });
});

test('waits that were longer than predicted make the next ones longer', () => {
  const queue = queueOf(10);
  const admission = new Admission(WIDE);
  const predictedMs = admission.checkArrival(loadOf([queue]), arrivalAt(queue, 80));
  expect(predictedMs).toBe(50);
  for (let k = 0; k < 200; k++)
    admission.observeWait({ predictedWaitMs: predictedMs, submittedAt: 0 }, 2 * predictedMs);
  expect(() => admission.checkArrival(loadOf([queue]), arrivalAt(queue, 105))).toThrow(
    refusal(expect.objectContaining({ predictedMs: 111 })),
  );
});

describe('at the door', () => {
  test('a header that allows less than the shortest queue is refused', () => {
    const load = loadOf([queueOf(10), queueOf(20, 'other/1@def')]);
    expect(() => new Admission(WIDE).checkDoor(load, asking(69))).toThrow(
      refusal(expect.objectContaining({ predictedMs: 70 })),
    );
    expect(() => new Admission(WIDE).checkDoor(load, asking(71))).not.toThrow();
  });

  test('where the version is known its own queue counts, and an item of the usual size', () => {
    const queue = queueOf(10);
    const load = loadOf([queue, queueOf(0, 'other/1@def')]);
    const admission = new Admission(WIDE);
    expect(() => admission.checkDoor(load, asking(75))).not.toThrow();
    // 70 ms of waiting, and 5 % of what is allowed.
    expect(() => admission.checkDoor(load, asking(73, queue))).toThrow(refusal(expect.anything()));
    expect(() => admission.checkDoor(load, asking(75, queue))).not.toThrow();
  });

  test('time that is over counts', () => {
    const queue = queueOf(10);
    const admission = new Admission(WIDE);
    expect(() => admission.checkDoor(loadOf([queue]), asking(100, queue, 20))).not.toThrow();
    expect(() => admission.checkDoor(loadOf([queue]), asking(100, queue, 30))).toThrow(
      refusal(expect.objectContaining({ timeoutMs: 100 })),
    );
    const late = { ...arrivalAt(queue, 100), waitedMs: 30 };
    expect(() => admission.checkArrival(loadOf([queue]), late)).toThrow(
      refusal(expect.objectContaining({ predictedMs: 110, timeoutMs: 100 })),
    );
  });

  test('a short deadline with nothing before it is not refused for what its item may cost', () => {
    const queue = queueOf(1);
    queue.remove(queue.first() as Job);
    expect(() => new Admission(WIDE).checkDoor(loadOf([queue]), asking(1, queue))).not.toThrow();
  });

  test('may refuse where any queue is too long, and surely does not where none is', () => {
    const load = loadOf([queueOf(0), queueOf(10, 'other/1@def')]);
    expect(new Admission(WIDE).mayRefuse(load, 70)).toBe(true);
    expect(new Admission(WIDE).mayRefuse(load, 80)).toBe(false);
  });

  test('without such a header only a full queue refuses', () => {
    expect(() => new Admission(WIDE).checkDoor(loadOf([queueOf(99)]), asking(null))).not.toThrow();
    expect(() => new Admission(WIDE).checkDoor(loadOf([queueOf(100)]), asking(null))).toThrow(
      refusal({ retryAfterMs: 500 }),
    );
  });
});

describe('bounds', () => {
  test('predicted work', () => {
    const load = loadOf([queueOf(50)]);
    expect(() => new Admission({ ...WIDE, maxQueueMs: 200 }).checkDoor(load, asking(null))).toThrow(
      expect.objectContaining({ retryAfterSeconds: 1 }),
    );
  });

  test('bytes', () => {
    const queue = queueOf(5);
    const tight = new Admission({ ...WIDE, maxQueueBytes: queue.waitingBytes + 15 });
    expect(() => tight.checkArrival(loadOf([queue]), arrivalAt(queue, 1_000))).toThrow(refusal(expect.anything()));
    expect(() => tight.checkDoor(loadOf([queue]), asking(null))).not.toThrow();
  });
});

test('Retry-After is whole seconds, rounded up', () => {
  const queue = queueOf(500);
  const admission = new Admission({ ...WIDE, maxQueueItems: 1_000 });
  expect(() => admission.checkArrival(loadOf([queue]), arrivalAt(queue, 600))).toThrow(
    expect.objectContaining({ retryAfterSeconds: 3 }),
  );
});

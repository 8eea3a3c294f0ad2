import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { EventLoopTurns } from '../../src/http/event-loop-turns.ts';

describe('turns of the event loop', () => {
  /** Work of 2 ms each, on a clock that only work moves. */
  function busyTurns() {
    let now = 0;
    const done: number[] = [];
    const turns = new EventLoopTurns(() => now);
    const enter = (at: number) =>
      turns.enter(() => {
        now += 2;
        done.push(at);
      });
    return { enter, done };
  }

  it('let in at once what fits', () => {
    const { enter, done } = busyTurns();
    for (let at = 0; at < 3; at++) enter(at);
    expect(done).toEqual([0, 1, 2]);
  });

  it('make a burst wait for later turns, and lose none and no order', async () => {
    const { enter, done } = busyTurns();
    for (let at = 0; at < 20; at++) enter(at);
    expect(done).toHaveLength(3);
    const lengths: number[] = [];
    while (done.length < 20) {
      await nextTurn();
      lengths.push(done.length);
    }
    expect(done).toEqual(Array.from({ length: 20 }, (_, at) => at));
    expect(Math.max(...lengths.map((length, at) => length - (lengths[at - 1] ?? 3)))).toBeLessThanOrEqual(3);
  });

  it('let a late one wait behind those that wait already', async () => {
    const { enter, done } = busyTurns();
    for (let at = 0; at < 5; at++) enter(at);
    await nextTurn();
    enter(5);
    while (done.length < 6) await nextTurn();
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

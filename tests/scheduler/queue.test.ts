import { expect, test } from 'vitest';
import { RankedQueue } from '../../src/scheduler/queue.ts';

interface Member {
  readonly name: string;
  readonly rank: number;
}

function queueOf(...members: Member[]): RankedQueue<Member> {
  const queue = new RankedQueue<Member>();
  for (const member of members) queue.add(member);
  return queue;
}

function names(queue: RankedQueue<Member>): string[] {
  return queue.window(100).map(({ name }) => name);
}

test('an empty queue has no first member', () => {
  expect(queueOf().first()).toBeNull();
  expect(queueOf()).toHaveLength(0);
});

test('members of one rank keep their order of arrival', () => {
  expect(names(queueOf({ name: 'a', rank: 1 }, { name: 'b', rank: 1 }, { name: 'c', rank: 1 }))).toEqual([
    'a',
    'b',
    'c',
  ]);
});

test('a lower rank goes before a higher one, whenever it comes', () => {
  expect(names(queueOf({ name: 'b', rank: 2 }, { name: 'c', rank: 3 }, { name: 'a', rank: 1 }))).toEqual([
    'a',
    'b',
    'c',
  ]);
});

test('a member can be taken out wherever it stands', () => {
  const [a, b, c] = [1, 2, 3].map((rank) => ({ name: String(rank), rank }));
  for (const member of [a, b, c]) {
    if (a === undefined || b === undefined || c === undefined || member === undefined) throw new Error('three members');
    const queue = queueOf(a, b, c);
    expect(queue.remove(member)).toBe(true);
    expect(names(queue)).toEqual([a, b, c].filter((other) => other !== member).map(({ name }) => name));
    expect(queue).toHaveLength(2);
  }
});

test('a member is taken out only once', () => {
  const member = { name: 'a', rank: 1 };
  const queue = queueOf(member);
  expect([queue.remove(member), queue.remove(member)]).toEqual([true, false]);
});

test('a member that comes back stands where it stood', () => {
  const first = { name: 'a', rank: 1 };
  const queue = queueOf(first, { name: 'b', rank: 2 });
  queue.remove(first);
  queue.add(first);
  expect(names(queue)).toEqual(['a', 'b']);
});

test('the window is the beginning of the queue and takes nothing out', () => {
  const queue = queueOf({ name: 'a', rank: 1 }, { name: 'b', rank: 2 }, { name: 'c', rank: 3 });
  expect(queue.window(2).map(({ name }) => name)).toEqual(['a', 'b']);
  expect(queue).toHaveLength(3);
});

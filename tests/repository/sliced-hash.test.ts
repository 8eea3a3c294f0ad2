import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { SlicedHash, sha256Of } from '../../src/repository/sliced-hash.ts';

const plain = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

test.each([0, 1, 1 << 20, (1 << 20) + 1, 3_500_000])('of %d bytes is the SHA-256 of them', async (length) => {
  const bytes = Uint8Array.from({ length }, (_, at) => at * 31);
  expect(await sha256Of(bytes)).toBe(plain(bytes));
});

test('a digest may be taken in between', async () => {
  const [first, second] = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  const hash = new SlicedHash();
  await hash.update(first);
  expect(hash.digest()).toBe(plain(first));
  await hash.update(second);
  expect(hash.digest()).toBe(plain(first, second));
});

test('lets the event loop turn between two slices', async () => {
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 0);
  await sha256Of(new Uint8Array(32 << 20));
  clearInterval(counting);
  expect(turns).toBeGreaterThan(1);
});

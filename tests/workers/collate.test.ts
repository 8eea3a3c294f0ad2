import { describe, expect, test } from 'vitest';
import { split } from '../../src/workers/collate.ts';

describe('split', () => {
  test('gives each item its row, the batch’s axis taken off', () => {
    const items = split({ y: { dataType: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } }, 2);
    expect(items.map(({ y }) => [y?.shape, y?.data])).toEqual([
      [[3], Float32Array.of(1, 2, 3)],
      [[3], Float32Array.of(4, 5, 6)],
    ]);
  });

  test('gives a scalar an item where the output has only the batch’s axis', () => {
    const items = split({ y: { dataType: 'int64', shape: [2], data: BigInt64Array.of(7n, 8n) } }, 2);
    expect(items[1]?.y).toEqual({ dataType: 'int64', shape: [], data: BigInt64Array.of(8n) });
  });

  test('does not share memory between items', () => {
    const data = Float32Array.of(1, 2);
    const items = split({ y: { dataType: 'float32', shape: [2, 1], data } }, 2);
    data[0] = 99;
    expect(items[0]?.y?.data[0]).toBe(1);
  });

  test.each([
    ['fewer rows', [1, 3], 3],
    ['more rows', [3, 3], 9],
    ['no rows', [], 1],
    ['fewer numbers than its shape says', [2, 3], 4],
  ])('refuses an output of %s', (_, shape, length) => {
    const output = { dataType: 'float32' as const, shape, data: new Float32Array(length) };
    expect(() => split({ y: output }, 2)).toThrow(/output "y" has shape .* for a batch of 2/);
  });
});

import { expect, test } from 'vitest';
import { LeastSquares } from '../../src/scheduler/least-squares.ts';

function filled(points: readonly (readonly [features: readonly number[], value: number])[]): LeastSquares {
  const squares = new LeastSquares(2);
  for (const [features, value] of points) squares.add(features, value, 1);
  return squares;
}

test('finds the line through points that lie on one', () => {
  const [base, slope] =
    filled([
      [[1, 1], 5],
      [[1, 2], 7],
      [[1, 5], 13],
    ]).solve([0, 1]) ?? [];
  expect(base).toBeCloseTo(3, 9);
  expect(slope).toBeCloseTo(2, 9);
});

test('terms that cannot be told apart have no solution, one of them alone has', () => {
  const squares = filled([
    [[1, 4], 8],
    [[1, 4], 8],
  ]);
  expect(squares.solve([0, 1])).toBeNull();
  expect(squares.solve([1])?.[1]).toBeCloseTo(2, 9);
});

test('a term that would be negative is left out', () => {
  const solution = filled([
    [[1, 1], 4],
    [[1, 2], 3],
  ]).solve([0, 1]);
  expect(solution?.[0]).toBeCloseTo(3.5, 9);
  expect(solution?.[1]).toBe(0);
});

test('what is scaled down counts less', () => {
  const squares = filled([[[1, 0], 10]]);
  squares.scale(1 / 9);
  squares.add([1, 0], 0, 1);
  expect(squares.solve([0])?.[0]).toBeCloseTo(1, 9);
});

test('nothing has no solution', () => {
  expect(new LeastSquares(2).solve([0])).toBeNull();
});

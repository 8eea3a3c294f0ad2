import { describe, expect, test } from 'vitest';
import { scoresOf } from '../../src/pipelines/activation.ts';
import type { Classification } from '../../src/repository/manifest.ts';

function tensor(...values: number[]) {
  return { dataType: 'float32' as const, shape: [values.length], data: Float32Array.from(values) };
}

function classification(given: Partial<Classification> = {}): Classification {
  return {
    labels: ['a', 'b', 'c'],
    output: 'logits',
    activation: 'softmax',
    graphActivation: null,
    temperature: 1,
    ...given,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

test('softmax scores are in proportion to the powers of the logits', () => {
  const [a = 0, b = 0, c = 0] = scoresOf(tensor(0, Math.log(2), Math.log(5)), classification(), 'softmax');
  expect(a).toBeCloseTo(1 / 8, 6);
  expect(b).toBeCloseTo(2 / 8, 6);
  expect(c).toBeCloseTo(5 / 8, 6);
});

test('softmax of large logits does not overflow', () => {
  const scores = scoresOf(tensor(1000, 1001, 999), classification(), 'softmax');
  expect(scores.every(Number.isFinite)).toBe(true);
  expect(sum(scores)).toBeCloseTo(1, 9);
});

test('a temperature above 1 moves the scores together and keeps their order', () => {
  const cold = scoresOf(tensor(0, 1, 3), classification(), 'softmax');
  const warm = scoresOf(tensor(0, 1, 3), classification({ temperature: 2 }), 'softmax');
  expect(Math.max(...warm)).toBeLessThan(Math.max(...cold));
  expect(warm.indexOf(Math.max(...warm))).toBe(cold.indexOf(Math.max(...cold)));
});

test('sigmoid scores are independent of each other', () => {
  expect(scoresOf(tensor(0, 100, -100), classification(), 'sigmoid')).toEqual([
    0.5,
    expect.closeTo(1, 9),
    expect.closeTo(0, 9),
  ]);
});

test('none gives the graph’s output as it is', () => {
  expect(scoresOf(tensor(-2, 0, 7), classification(), 'none')).toEqual([-2, 0, 7]);
});

test('one logit of two labels gives both their scores', () => {
  expect(scoresOf(tensor(Math.log(3)), classification({ labels: ['no', 'yes'] }), 'sigmoid')).toEqual([
    expect.closeTo(0.25, 6),
    expect.closeTo(0.75, 6),
  ]);
});

describe('where the graph itself ends in softmax', () => {
  const ended = { graphActivation: 'softmax', activation: 'none' } as const;

  test.each(['softmax', 'none'] as const)('%s gives the graph’s scores', (activation) => {
    const scores = scoresOf(tensor(0.125, 0.25, 0.625), classification(ended), activation);
    expect(scores).toEqual([0.125, 0.25, 0.625]);
  });

  test('a temperature gives what it gives for the logits', () => {
    const logits = [0, 1, 3];
    const expected = scoresOf(tensor(...logits), classification({ temperature: 2 }), 'softmax');
    const graphScores = scoresOf(tensor(...logits), classification(), 'softmax');
    const scores = scoresOf(tensor(...graphScores), classification({ ...ended, temperature: 2 }), 'none');
    for (const [id, score] of scores.entries()) expect(score).toBeCloseTo(expected[id] ?? Number.NaN, 6);
  });
});

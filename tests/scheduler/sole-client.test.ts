import { expect, test } from 'vitest';
import { SoleClient } from '../../src/scheduler/sole-client.ts';

const [ANNE, BERT] = [{}, {}];

/** Asks at these times. @returns the shortest batch that may have all cores after each. */
function asked(...requests: readonly (readonly [at: number, client: unknown])[]): number[] {
  const sole = new SoleClient();
  return requests.map(([at, client]) => {
    sole.asked(client, at);
    return sole.minWideMs(at);
  });
}

test('short batches may have all cores once one client has asked alone for a second', () => {
  expect(asked([0, ANNE], [900, ANNE], [1_001, ANNE], [1_002, ANNE])).toEqual([8, 8, 1, 1]);
});

test('not when another one asks, nor within a second of it', () => {
  expect(asked([0, ANNE], [2_000, ANNE], [2_001, BERT], [2_002, ANNE], [3_000, ANNE], [3_003, ANNE])).toEqual([
    8, 1, 8, 8, 8, 1,
  ]);
});

test('those of whom nothing is known may be many', () => {
  expect(asked([0, null], [2_000, null], [4_000, null])).toEqual([8, 8, 8]);
});

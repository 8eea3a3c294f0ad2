import { expect, test } from 'vitest';
import { readTimeout } from '../../src/grpc/call-timeout.ts';

test.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3_000],
  ['40m', 40],
  ['5000u', 5],
  ['99999999n', 99.999999],
  ['0m', 0],
])('%s is %d ms', (text, ms) => {
  expect(readTimeout(text)).toBeCloseTo(ms, 9);
});

test.each(['', '1', 'm', '1s', '-1m', '1.5S', '123456789m', '1m ', '1mm', '1e3m'])('%j is none', (text) => {
  expect(readTimeout(text)).toBeUndefined();
});

import { expect, test } from 'vitest';
import { ERROR_TABLE, type ErrorCode, ServalError } from '../../src/errors.ts';
import { GrpcCode, statusOf, toServalError } from '../../src/grpc/grpc-status.ts';

test.each(Object.keys(ERROR_TABLE) as ErrorCode[])('%s has a gRPC code', (code) => {
  expect(statusOf(new ServalError(code, 'what to change')).code).not.toBe(GrpcCode.UNKNOWN);
});

test('a time to come back is told as RetryInfo, to the millisecond', () => {
  const { fields } = statusOf(new ServalError('SERVAL_OVERLOADED', 'full', { details: { retryAfterMs: 1500 } }));
  const told = Object.fromEntries(fields);
  expect(told['grpc-retry-pushback-ms']).toBe('1500');
  // Duration: seconds = 1 (08 01), nanos = 500,000,000 (10 80 ca b5 ee 01).
  expect(Buffer.from(told['grpc-status-details-bin'] ?? '', 'base64').toString('hex')).toContain('08011080cab5ee01');
});

test('an error without such a time has no RetryInfo', () => {
  expect(statusOf(new ServalError('SERVAL_TENSOR_NAME', 'x')).fields).toEqual([['serval-code', 'SERVAL_TENSOR_NAME']]);
});

test('a client never sees what a bug says', () => {
  const { code, message } = statusOf(toServalError(new TypeError('cannot read /etc/secret')));
  expect(code).toBe(GrpcCode.INTERNAL);
  expect(message).not.toContain('secret');
});

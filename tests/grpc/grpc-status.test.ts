import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { ERROR_TABLE, type ErrorCode, ServalError } from '../../src/errors.ts';
import { serviceError, toServalError } from '../../src/grpc/grpc-status.ts';

test.each(Object.keys(ERROR_TABLE) as ErrorCode[])('%s has a gRPC code', (code) => {
  expect(serviceError(new ServalError(code, 'what to change')).code).not.toBe(status.UNKNOWN);
});

test('a time to come back is told as RetryInfo, to the millisecond', () => {
  const { metadata } = serviceError(new ServalError('SERVAL_OVERLOADED', 'full', { details: { retryAfterMs: 1500 } }));
  expect(metadata.get('grpc-retry-pushback-ms')).toEqual(['1500']);
  const [details] = metadata.get('grpc-status-details-bin');
  // Duration: seconds = 1 (08 01), nanos = 500,000,000 (10 80 ca b5 ee 01).
  expect(Buffer.from(details ?? '').toString('hex')).toContain('08011080cab5ee01');
});

test('an error without such a time has no RetryInfo', () => {
  expect(serviceError(new ServalError('SERVAL_TENSOR_NAME', 'x')).metadata.get('grpc-status-details-bin')).toEqual([]);
});

test('a client never sees what a bug says', () => {
  const error = serviceError(toServalError(new TypeError('cannot read /etc/secret')));
  expect(error.code).toBe(status.INTERNAL);
  expect(error.details).not.toContain('secret');
});

import { expect, test } from 'vitest';
import { ServalError } from '../../src/errors.ts';
import { rawErrorResponse, toServalError } from '../../src/http/error-handler.ts';
import { errorBody } from '../../src/http/protocols/error-shapes.ts';

test('an error’s body has its status, code, name, message and details', () => {
  expect(errorBody(new ServalError('SERVAL_EMPTY_INPUT', 'empty', { details: { input: 1 } }))).toEqual({
    statusCode: 422,
    code: 'SERVAL_EMPTY_INPUT',
    error: 'Unprocessable Entity',
    message: 'empty',
    details: { input: 1 },
  });
});

test('an error without details has no such field', () => {
  expect(errorBody(new ServalError('SERVAL_EMPTY_INPUT', 'empty'))).not.toHaveProperty('details');
});

test('a client never sees what a bug says', () => {
  const error = toServalError(new TypeError('cannot read /etc/secret of undefined'));
  expect(error).toMatchObject({ code: 'SERVAL_INTERNAL', statusCode: 500 });
  expect(JSON.stringify(errorBody(error))).not.toContain('secret');
  expect(error.cause).toBeInstanceOf(TypeError);
});

test('our own errors are passed on as they are', () => {
  const error = new ServalError('SERVAL_OVERLOADED', 'full');
  expect(toServalError(error)).toBe(error);
});

test('anything may be thrown', () => {
  for (const thrown of [undefined, null, 'text', 7]) expect(toServalError(thrown).code).toBe('SERVAL_INTERNAL');
});

test('the answer to bytes that are no request is whole HTTP and closes the connection', () => {
  const response = rawErrorResponse('SERVAL_BAD_HTTP', 'ungültig');
  const [head = '', body = ''] = response.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(head).toContain('connection: close');
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
  expect(JSON.parse(body)).toMatchObject({ statusCode: 400, code: 'SERVAL_BAD_HTTP', message: 'ungültig' });
});

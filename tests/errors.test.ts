import { expect, test } from 'vitest';
import { ERROR_TABLE, fromErrorData, messageOf, ServalError, toErrorData } from '../src/errors.ts';

test('every code names itself SERVAL_ and has a status that HTTP knows as an error', () => {
  for (const [code, [status]] of Object.entries(ERROR_TABLE)) {
    expect(code).toMatch(/^SERVAL_[A-Z0-9_]+$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  }
});

test('an error takes its status from the table', () => {
  expect(new ServalError('SERVAL_OVERLOADED', 'full').statusCode).toBe(429);
});

test('an error keeps its cause', () => {
  const cause = new Error('below');
  expect(new ServalError('SERVAL_INTERNAL', 'above', { cause }).cause).toBe(cause);
});

test('an error without a cause has no such property', () => {
  expect(new ServalError('SERVAL_INTERNAL', 'above')).not.toHaveProperty('cause');
});

test('an error crosses a process boundary with its code, message and details, and without its cause', () => {
  const error = new ServalError('SERVAL_TEXT_TOO_LONG', 'too long', { details: { input: 3 }, cause: new Error('x') });
  const data = structuredClone(toErrorData(error));
  expect(data).toEqual({ code: 'SERVAL_TEXT_TOO_LONG', message: 'too long', details: { input: 3 } });
  expect(fromErrorData(data)).toMatchObject({ code: 'SERVAL_TEXT_TOO_LONG', statusCode: 422, details: { input: 3 } });
});

test('the message of anything thrown can be told', () => {
  expect(messageOf(new Error('a reason'))).toBe('a reason');
  expect(messageOf('a text')).toBe('a text');
});

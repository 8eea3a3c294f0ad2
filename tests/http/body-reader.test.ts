import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { BodyReader, ReceivingBudget } from '../../src/http/body-reader.ts';

const LIMITS = { maxBytes: 10, timeoutMs: 5_000 };

function reading(given: { declared?: number; maxReceivingBytes?: number; timeoutMs?: number } = {}) {
  const budget = new ReceivingBudget(given.maxReceivingBytes ?? 100);
  const stream = new PassThrough();
  const limits = { ...LIMITS, timeoutMs: given.timeoutMs ?? LIMITS.timeoutMs };
  const body = new BodyReader(budget).read(stream, given.declared ?? null, limits);
  body.catch(() => {});
  return { budget, stream, body };
}

function withCode(code: string) {
  return expect.objectContaining({ code });
}

test('a body that comes in pieces is put together', async () => {
  const { stream, body } = reading();
  stream.write('abc');
  stream.write('def');
  stream.end();
  expect((await body).body.toString()).toBe('abcdef');
});

test('a body of exactly the limit is taken', async () => {
  const { stream, body } = reading();
  stream.end('0123456789');
  expect((await body).body.byteLength).toBe(10);
});

test('a body that says it is too large is refused before it comes', async () => {
  const { body } = reading({ declared: 11 });
  await expect(body).rejects.toThrow(withCode('SERVAL_BODY_TOO_LARGE'));
});

test('a body that turns out too large is refused at that byte', async () => {
  const { stream, body, budget } = reading();
  stream.write('0123456');
  stream.write('789a');
  await expect(body).rejects.toThrow(withCode('SERVAL_BODY_TOO_LARGE'));
  expect(budget.bytes).toBe(0);
});

test('a body that does not come in time is refused', async () => {
  const { stream, body } = reading({ timeoutMs: 20 });
  stream.write('abc');
  await expect(body).rejects.toThrow(withCode('SERVAL_BODY_TIMEOUT'));
});

test('a client that goes away before its body is complete ends the reading', async () => {
  const { stream, body, budget } = reading();
  stream.write('abc');
  stream.destroy();
  await expect(body).rejects.toThrow(withCode('SERVAL_CLIENT_CLOSED'));
  expect(budget.bytes).toBe(0);
});

describe('the budget of all bodies', () => {
  test('counts what was received until it is released', async () => {
    const { stream, body, budget } = reading();
    stream.end('abcdef');
    const { release } = await body;
    expect(budget.bytes).toBe(6);
    release();
    expect(budget.bytes).toBe(0);
  });

  test('counts a declared body once, and not again as it comes', async () => {
    const { stream, body, budget } = reading({ declared: 6 });
    stream.end('abcdef');
    await body;
    expect(budget.bytes).toBe(6);
  });

  test('refuses a declared body that does not fit beside the others', async () => {
    const { body, budget } = reading({ declared: 9, maxReceivingBytes: 8 });
    await expect(body).rejects.toThrow(withCode('SERVAL_OVERLOADED'));
    expect(budget.bytes).toBe(0);
  });

  test('refuses a body without a length when it outgrows what is left', async () => {
    const { stream, body } = reading({ maxReceivingBytes: 4 });
    stream.write('abcdef');
    await expect(body).rejects.toThrow(withCode('SERVAL_OVERLOADED'));
  });
});

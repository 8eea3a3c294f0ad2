import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { apiKeySchema, createKey, digestOf } from '../../src/security/api-key.ts';

const SHA256 = 'ab'.repeat(32);

test('a key is 256 bits of chance behind a prefix that scanners for secrets can know', () => {
  const keys = Array.from({ length: 100 }, createKey);
  for (const key of keys) expect(key).toMatch(/^serval_[\w-]{43}$/);
  expect(new Set(keys).size).toBe(100);
});

test('what is kept of a key is its SHA-256', () => {
  expect(digestOf('serval_x').toString('hex')).toBe(createHash('sha256').update('serval_x').digest('hex'));
});

test('a line with a name and a digest is a key for predicting and reading, without limits', () => {
  expect(apiKeySchema.parse({ name: 'web', sha256: SHA256 })).toEqual({
    name: 'web',
    digest: Buffer.from(SHA256, 'hex'),
    expiresAtMs: null,
    scopes: new Set(['predict', 'read']),
    models: null,
    rate: null,
    quota: null,
  });
});

test('a line may bound a key in every way', () => {
  const line = {
    name: 'web',
    sha256: SHA256,
    expires: '2027-01-31',
    scopes: ['metrics'],
    models: ['sentiment'],
    rate: { per_second: 2.5 },
    quota: { requests: 10, per: 'hour' },
  };
  expect(apiKeySchema.parse(line)).toMatchObject({
    expiresAtMs: Date.UTC(2027, 0, 31),
    scopes: new Set(['metrics']),
    models: new Set(['sentiment']),
    rate: { perSecond: 2.5, burst: 3 },
    quota: { requests: 10, windowSeconds: 3_600 },
  });
});

test('a time of expiry may have a zone', () => {
  const { expiresAtMs } = apiKeySchema.parse({ name: 'web', sha256: SHA256, expires: '2027-01-31T18:00:00+02:00' });
  expect(expiresAtMs).toBe(Date.UTC(2027, 0, 31, 16));
});

test.each([
  ['a name with a space', { name: 'we b' }],
  ['a name that would break a log line', { name: 'a\nb' }],
  ['a digest that is cut short', { sha256: SHA256.slice(1) }],
  ['an unknown scope', { scopes: ['admin'] }],
  ['no scope', { scopes: [] }],
  ['no model', { models: [] }],
  ['a misspelt field, which would otherwise give a key without its limit', { rates: { per_second: 1 } }],
  ['a day that is none', { expires: '2027-02-30' }],
  ['a time without a zone', { expires: '2027-01-31T18:00:00' }],
  ['a rate of nothing', { rate: { per_second: 0 } }],
  ['a quota of a month, which has no fixed length', { quota: { requests: 1, per: 'month' } }],
])('%s is refused', (_, fields) => {
  expect(apiKeySchema.safeParse({ name: 'web', sha256: SHA256, ...fields }).success).toBe(false);
});

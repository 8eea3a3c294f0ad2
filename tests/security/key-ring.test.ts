import { expect, test } from 'vitest';
import { createKey } from '../../src/security/api-key.ts';
import { readKeyLines } from '../../src/security/key-lines.ts';
import { KeyRing } from '../../src/security/key-ring.ts';
import { makeKey, makeKeys } from '../fixtures/api-keys.ts';

function ring(text: string, before: KeyRing | null = null): KeyRing {
  return new KeyRing(readKeyLines([{ source: 'test', text }]), before);
}

test('each key finds its client, and only whole keys do', () => {
  const { keys, lines } = makeKeys({ web: {}, batch: {} });
  const known = ring(lines);
  expect(known.find(keys.web)?.key.name).toBe('web');
  expect(known.find(keys.batch)?.key.name).toBe('batch');
  for (const wrong of [
    '',
    createKey(),
    keys.web.slice(0, -1),
    `${keys.web}x`,
    keys.web.toUpperCase(),
    ` ${keys.web}`,
  ]) {
    expect(known.find(wrong)).toBeNull();
  }
});

test('what stands in the file gets nobody in', () => {
  const { line } = makeKey('web');
  const { sha256 } = JSON.parse(line) as { sha256: string };
  expect(ring(line).find(sha256)).toBeNull();
});

test('nobody gets in where there are no keys', () => {
  expect(ring('').find('')).toBeNull();
  expect(ring('').find(createKey())).toBeNull();
});

test('keys that are read again keep what they used, unless their limits changed', () => {
  const { key, line } = makeKey('web', { quota: { requests: 5, per: 'day' } });
  const first = ring(line);
  const now = Date.now();
  first.find(key)?.limits[0]?.take(now);
  const left = (known: KeyRing) => known.find(key)?.limits[0]?.remaining(now);
  expect(left(first)).toBe(4);
  expect(left(ring(line.replace('"web"', '"renamed"'), first))).toBe(4);
  expect(left(ring(line.replace('"requests":5', '"requests":9'), first))).toBe(9);
});

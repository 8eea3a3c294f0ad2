import { expect, test } from 'vitest';
import { Quarantine } from '../../src/scheduler/quarantine.ts';
import { itemOf } from '../fixtures/fake-executor.ts';

const KEY = 'm/1@abc';

test('an item is known by its bytes and the version, wherever it stands in a request', () => {
  const quarantine = new Quarantine({ quarantineMs: 1_000 }, () => 0);
  quarantine.add(KEY, itemOf(1));
  expect(() => quarantine.check(KEY, [itemOf(2), itemOf(1)])).toThrow(
    expect.objectContaining({ code: 'SERVAL_QUARANTINED', details: { input: 1, seconds: 1 } }),
  );
  expect(() => quarantine.check('m/2@def', [itemOf(1)])).not.toThrow();
  expect(() => quarantine.check(KEY, [itemOf(2)])).not.toThrow();
});

test('never remembers more than a thousand items, the newest of them', () => {
  const quarantine = new Quarantine({ quarantineMs: 1_000 }, () => 0);
  for (let name = 0; name < 1_200; name++) quarantine.add(KEY, itemOf(name));
  expect(quarantine.size).toBe(1_000);
  expect(() => quarantine.check(KEY, [itemOf(199)])).not.toThrow();
  expect(() => quarantine.check(KEY, [itemOf(200)])).toThrow();
});

test('refuses nothing where it is off', () => {
  const quarantine = new Quarantine({ quarantineMs: 0 }, () => 0);
  quarantine.add(KEY, itemOf(1));
  expect(() => quarantine.check(KEY, [itemOf(1)])).not.toThrow();
});

import { describe, expect, test } from 'vitest';
import { type Asked, EVERY_MODEL, Gatekeeper, grantedModel } from '../../src/security/gatekeeper.ts';
import { readKeyLines } from '../../src/security/key-lines.ts';
import { KeyRing } from '../../src/security/key-ring.ts';
import { makeKey } from '../fixtures/api-keys.ts';

const NOON = Date.UTC(2026, 10, 27, 12);

function gate(fields: Readonly<Record<string, unknown>> = {}) {
  const { key, line } = makeKey('web', fields);
  const ring = new KeyRing(readKeyLines([{ source: 'test', text: line }]));
  const heard: string[] = [];
  let nowMs = NOON;
  const gatekeeper = new Gatekeeper(
    () => ring,
    { keyUsed: (name, outcome) => heard.push(`${name} ${outcome}`) },
    () => nowMs,
  );
  const admit = (asked: Partial<Asked> = {}) => {
    const decision = gatekeeper.admit({ presented: key, scope: 'predict', model: null, counts: true, ...asked });
    return decision.admitted ? 'admitted' : decision.error.code;
  };
  const client = () => ring.find(key) ?? expect.fail('the key is not known');
  return { gatekeeper, key, admit, heard, client, wait: (ms: number) => (nowMs += ms) };
}

describe('a key gets in', () => {
  test('while it has not expired', () => {
    const { admit, wait } = gate({ expires: '2026-11-27T12:00:01Z' });
    expect(admit()).toBe('admitted');
    wait(1_000);
    expect(admit()).toBe('SERVAL_KEY_EXPIRED');
  });

  test('with its scopes', () => {
    const { admit } = gate({ scopes: ['metrics'] });
    expect(admit({ scope: 'metrics' })).toBe('admitted');
    expect(admit({ scope: 'predict' })).toBe('SERVAL_KEY_SCOPE');
  });

  test('to its models and their graphs', () => {
    const { admit } = gate({ models: ['mine'] });
    expect(admit({ model: 'mine' })).toBe('admitted');
    expect(admit({ model: 'mine.graph' })).toBe('admitted');
    expect(admit({ model: 'other' })).toBe('SERVAL_KEY_MODEL');
    expect(admit({ model: EVERY_MODEL })).toBe('SERVAL_KEY_MODEL');
    expect(gate().admit({ model: EVERY_MODEL })).toBe('admitted');
  });
});

test('whether there is a key for something can be asked without anything being counted', () => {
  const { gatekeeper, admit, heard, key } = gate({ models: ['mine'], rate: { per_second: 1, burst: 1 } });
  const knows = (presented: string | null, model: string) => gatekeeper.knows({ presented, scope: 'predict', model });
  expect([knows(key, 'mine'), knows(key, 'mine'), knows(key, 'other')]).toEqual([true, true, false]);
  expect([knows(null, 'mine'), knows('another', 'mine')]).toEqual([false, false]);
  expect(heard).toEqual([]);
  expect(admit({ model: 'mine' })).toBe('admitted');
});

describe('nobody gets in', () => {
  test('without a key, or with one that is not known', () => {
    const { admit, heard } = gate();
    expect(admit({ presented: null })).toBe('SERVAL_KEY_MISSING');
    expect(admit({ presented: 'serval_x' })).toBe('SERVAL_KEY_UNKNOWN');
    // What a client makes up is no name of the operator's.
    expect(heard).toEqual([]);
  });
});

describe('limits', () => {
  test('of rate and quota hold at the same time, and say when to come back', () => {
    const { gatekeeper, admit, heard, client, wait } = gate({
      rate: { per_second: 1, burst: 2 },
      quota: { requests: 3, per: 'hour' },
    });
    expect([admit(), admit(), admit()]).toEqual(['admitted', 'admitted', 'SERVAL_RATE_LIMITED']);
    expect(gatekeeper.limitFields(client())).toEqual({
      policy: '"rate";q=2;w=2, "quota";q=3;w=3600',
      state: '"rate";r=0;t=1, "quota";r=1;t=3600',
    });
    wait(2_000);
    expect([admit(), admit()]).toEqual(['admitted', 'SERVAL_QUOTA_EXCEEDED']);
    expect(heard).toEqual(
      ['admitted', 'admitted', 'rate_limited', 'admitted', 'over_quota'].map((what) => `web ${what}`),
    );
  });

  test('are not used up by what is refused', () => {
    const { admit, wait } = gate({ rate: { per_second: 1, burst: 1 }, quota: { requests: 2, per: 'day' } });
    expect([admit(), admit(), admit({ scope: 'metrics' })]).toEqual([
      'admitted',
      'SERVAL_RATE_LIMITED',
      'SERVAL_KEY_SCOPE',
    ]);
    wait(1_000);
    expect(admit()).toBe('admitted');
  });

  test('count the messages of a stream, and not its beginning', () => {
    const { gatekeeper, admit, client } = gate({ rate: { per_second: 1, burst: 1 } });
    expect(admit({ counts: false })).toBe('admitted');
    const message = () => gatekeeper.admitMessage(client(), { model: null, counts: true })?.code ?? 'admitted';
    expect([message(), message()]).toEqual(['admitted', 'SERVAL_RATE_LIMITED']);
  });

  test('are told of a key that has some, and of no other', () => {
    const { gatekeeper, client } = gate();
    expect(gatekeeper.limitFields(client())).toBeNull();
  });
});

describe('the model of a request that names it in its body', () => {
  const keyOf = (fields: object) => gate({ ...fields }).client().key;

  test('may be left out with a key of one model', () => {
    expect(grantedModel(keyOf({ models: ['mine'] }), null)).toBe('mine');
    expect(grantedModel(keyOf({ models: ['mine'] }), 'mine')).toBe('mine');
    expect(grantedModel(keyOf({}), null)).toBeNull();
  });

  test('must be one of the key’s', () => {
    expect(() => grantedModel(keyOf({ models: ['mine'] }), 'other')).toThrow(/not for this model/);
    expect(() => grantedModel(keyOf({ models: ['mine', 'too'] }), null)).toThrow(/name one/);
  });
});

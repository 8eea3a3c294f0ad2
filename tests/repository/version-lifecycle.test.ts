import { expect, test } from 'vitest';
import { VersionRecord } from '../../src/repository/version-lifecycle.ts';

const VERIFICATION = { golden: null, batching: 'invariant', largestBatchMove: 0, seconds: 0 } as const;

test('a version loads, is verified and becomes ready', () => {
  const record = new VersionRecord('m', 1, null);
  const states = [record.state];
  record.moveTo('verifying');
  states.push(record.state);
  record.becomeReady(VERIFICATION);
  expect([...states, record.state]).toEqual(['loading', 'verifying', 'ready']);
  expect(record.verification).toBe(VERIFICATION);
});

test('a version that is not verified cannot become ready', () => {
  const record = new VersionRecord('m', 1, null);
  expect(() => record.becomeReady(VERIFICATION)).toThrow(/cannot go from loading to ready/);
  expect(record.verification).toBeNull();
});

test('a version fails with a reason, and the first reason stays', () => {
  const record = new VersionRecord('m', 1, null);
  record.fail('the first');
  record.fail('the second');
  expect([record.state, record.reason]).toEqual(['failed', 'the first']);
});

test('a failed version never gets traffic again', () => {
  const record = new VersionRecord('m', 1, null);
  record.fail('a reason');
  expect(() => record.moveTo('verifying')).toThrow(/cannot go from failed/);
});

test('a version that drains may come back, or is unloaded for good', () => {
  const record = new VersionRecord('m', 1, null);
  record.moveTo('verifying');
  record.becomeReady(VERIFICATION);
  record.moveTo('draining');
  record.moveTo('unloaded');
  expect(() => record.moveTo('loading')).toThrow(/cannot go from unloaded/);
});

test('a version is unused when every request that uses it has given it back', async () => {
  const record = new VersionRecord('m', 1, null);
  await record.unused();
  record.acquire();
  record.acquire();
  let isUnused = false;
  const unused = record.unused().then(() => {
    isUnused = true;
  });
  record.release();
  await Promise.resolve();
  expect(isUnused).toBe(false);
  record.release();
  await unused;
  expect(isUnused).toBe(true);
});

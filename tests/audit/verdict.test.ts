import { expect, test } from 'vitest';
import { verdictOf } from '../../audit/verdict.ts';

const advisory = {
  url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
  name: 'some-package',
  title: 'Does what it should not',
  severity: 'high',
};
const report = {
  auditReportVersion: 2,
  vulnerabilities: { 'some-package': { via: [advisory] }, 'its-user': { via: ['some-package'] } },
};

test('a report without vulnerabilities is clean', () => {
  expect(verdictOf({ auditReportVersion: 2, vulnerabilities: {} }, {})).toEqual({ kind: 'clean', explained: [] });
});

test('a vulnerability is a finding, once, with its advisory', () => {
  expect(verdictOf(report, {})).toEqual({
    kind: 'findings',
    findings: ['some-package: Does what it should not (high, GHSA-aaaa-bbbb-cccc)'],
  });
});

test('one that is explained is none', () => {
  const explained = { 'GHSA-aaaa-bbbb-cccc': 'not reached' };
  expect(verdictOf(report, explained)).toEqual({ kind: 'clean', explained: ['GHSA-aaaa-bbbb-cccc'] });
});

test.each([
  [
    'a registry that serves none',
    { message: '405 Method Not Allowed', error: { summary: '' } },
    '405 Method Not Allowed',
  ],
  ['no network', { error: { summary: 'request failed' } }, 'request failed'],
  ['no report at all', {}, 'npm audit printed no report'],
])('%s is never taken for clean', (_, answer, reason) => {
  expect(verdictOf(answer, {})).toEqual({ kind: 'not audited', reason });
});

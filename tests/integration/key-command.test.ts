import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/security/api-key.ts';
import { readKeyLines } from '../../src/security/key-lines.ts';

const ENTRY = fileURLToPath(new URL('../../src/key.ts', import.meta.url));

function key(...options: readonly string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [ENTRY, ...options], { encoding: 'utf8' });
  return { stdout, stderr, status };
}

test('prints the line for the file, and the key apart from it', () => {
  const limits = ['--rate', '2.5', '--burst', '10', '--quota', '1000/day', '--expires', '2027-01-31'];
  const { stdout, stderr, status } = key('web', '--scopes', 'predict,metrics', '--models', 'a,b', ...limits);
  const made = /serval_[\w-]{43}/.exec(stderr)?.[0] ?? expect.fail(stderr);
  expect(status).toBe(0);
  expect(readKeyLines([{ source: 'stdout', text: stdout }])).toEqual([
    {
      name: 'web',
      digest: digestOf(made),
      expiresAtMs: Date.UTC(2027, 0, 31),
      scopes: new Set(['predict', 'metrics']),
      models: new Set(['a', 'b']),
      rate: { perSecond: 2.5, burst: 10 },
      quota: { requests: 1_000, windowSeconds: 86_400 },
    },
  ]);
  expect(stdout).not.toContain(made);
});

test.each([
  ['no name', []],
  ['two names', ['a', 'b']],
  ['a name that cannot stand in a log', ['A b']],
  ['an unknown scope', ['web', '--scopes', 'admin']],
  ['an unknown option', ['web', '--sudo']],
  ['a rate that is no number', ['web', '--rate', 'fast']],
  ['a quota without a window', ['web', '--quota', '100']],
  ['a burst without a rate', ['web', '--burst', '100']],
])('%s is refused, with how it is used', (_, options) => {
  const { stdout, stderr, status } = key(...options);
  expect([stdout, status]).toEqual(['', 1]);
  expect(stderr).toContain('npm run key -- <name>');
});

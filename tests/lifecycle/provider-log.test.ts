import { expect, test, vi } from 'vitest';
import { ProviderLog } from '../../src/lifecycle/provider-log.ts';
import type { Cuda } from '../../src/workers/execution-provider.ts';

function lines() {
  const log = { info: vi.fn(), warn: vi.fn() };
  return { log, providers: new ProviderLog(log) };
}

test.each([
  [{ state: 'off' }, 'cpu', 0, 0],
  [{ state: 'not_installed' }, 'auto', 0, 0],
  [{ state: 'not_installed' }, 'cuda', 0, 1],
  [{ state: 'failed', reason: 'GPU 0: no driver' }, 'auto', 0, 1],
  [{ state: 'works', devices: [0], problem: null }, 'auto', 1, 0],
] as const)(
  '%o with %s is told in %i lines of information and %i of warning',
  (cuda, executionProvider, infos, warns) => {
    const { log, providers } = lines();
    providers.found(cuda as Cuda, { executionProvider });
    expect([log.info.mock.calls.length, log.warn.mock.calls.length]).toEqual([infos, warns]);
  },
);

test('a version that CUDA does not take is told once, whatever number of workers find so', () => {
  const { log, providers } = lines();
  const load = { ok: true, seconds: 1, weights: 'own', provider: 'cpu', providerProblem: 'out of memory' } as const;
  const loads = new Map([['m/1@a', load]]);
  providers.loaded(loads);
  providers.loaded(loads);
  expect(log.warn.mock.calls).toEqual([
    [{ version: 'm/1@a', reason: 'out of memory' }, 'CUDA does not take the version, it runs on the CPU'],
  ]);
});

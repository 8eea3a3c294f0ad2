import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { coresFinding, cpuFinding, memoryFinding } from '../../src/doctor/machine-findings.ts';

const MACHINE = { cores: 8, cpuQuota: null, throttling: null, totalMemoryBytes: 64e9, memoryLimitBytes: null };
const isX64 = process.arch === 'x64';

test.skipIf(!isX64)('a CPU is judged by what its instructions do for inference', () => {
  const levelOf = (...features: string[]) => cpuFinding('a CPU', new Set(['x64', ...features])).level;
  expect(levelOf('avx2', 'avx512f', 'avx512_vnni')).toBe('ok');
  expect(levelOf('avx2', 'avx_vnni')).toBe('ok');
  expect(levelOf('avx2')).toBe('note');
  expect(levelOf('sse4_2')).toBe('note');
});

test('workers beyond what the quota is worth are told', () => {
  const limited = { ...MACHINE, cpuQuota: 2.5 };
  expect(coresFinding(limited, parseConfig({}, limited))).toMatchObject({
    level: 'ok',
    text: expect.stringMatching(/2\.5.*2 workers/),
  });
  const forced = parseConfig({ SERVAL_WORKERS: '4' }, limited);
  expect(coresFinding(limited, forced)).toMatchObject({ level: 'note', remedy: 'unset SERVAL_WORKERS' });
});

test('a quota that is at its end often is told', () => {
  const throttled = { ...MACHINE, cpuQuota: 4, throttling: { periods: 100, throttled: 30 } };
  expect(coresFinding(throttled, parseConfig({}, throttled))).toMatchObject({
    level: 'note',
    text: expect.stringContaining('30 %'),
  });
});

test('a memory limit that hardly holds a model is told', () => {
  expect(memoryFinding({ ...MACHINE, memoryLimitBytes: 256e6 })).toMatchObject({ level: 'note' });
});

import { expect, test } from 'vitest';
import { report } from '../../load-tests/report.ts';
import { type NamedPlot, plotsOf } from '../../load-tests/result-plots.ts';
import type { Results, Sample } from '../../load-tests/results.ts';
import { ratiosOf } from '../../load-tests/results.ts';

const AT_16 = 'text real, 16 connections';

function samplesOf(target: string, figure: string, values: readonly (number | null)[]): Sample[] {
  return values.map((value, round) => ({ target, scenario: AT_16, figure, round, value }));
}

function resultsOf(samples: Sample[], { loadBefore = 0.1, failures = [] as string[] } = {}): Results {
  return {
    kind: 'peers',
    date: '2026-01-02T03:04:05.000Z',
    command: 'npm run bench:peers -- --rounds 3',
    machine: {
      cpu: 'A CPU',
      cores: 2,
      features: ['avx2'],
      memoryGb: 8,
      kernel: '6.1',
      node: 'v24.0.0',
      commit: 'abc1234',
      loadBefore,
    },
    rounds: 3,
    seconds: 5,
    targets: [
      { name: 'bare', title: 'Bare' },
      { name: 'serval', title: 'Serval' },
      { name: 'fastapi', title: 'FastAPI' },
    ],
    samples,
    failures,
  };
}

const SAMPLES = [
  ...samplesOf('bare', 'rate', [100, 200, 400]),
  ...samplesOf('serval', 'rate', [110, 210, 480]),
  ...samplesOf('fastapi', 'rate', [50, 100, 200]),
  ...samplesOf('serval', 'pssMb', [300, 310, 320]),
  ...samplesOf('fastapi', 'pssMb', [200, 210, 220]),
];

const markdown = (results: Results, plots: readonly NamedPlot[] = []) =>
  report({ peers: [results], batching: null }, plots);

test('ratios are taken within a round, so that a machine that changes its speed does not matter', () => {
  const ratios = ratiosOf(resultsOf(SAMPLES), { target: 'serval', base: 'bare', scenario: AT_16, figure: 'rate' });
  expect(ratios).toEqual([1.1, 1.05, 1.2]);
});

test('a round in which one of the two failed has no ratio', () => {
  const results = resultsOf([...samplesOf('bare', 'rate', [100, null, 0]), ...samplesOf('serval', 'rate', [90, 80])]);
  expect(ratiosOf(results, { target: 'serval', base: 'bare', scenario: AT_16, figure: 'rate' })).toEqual([0.9]);
});

test('the document has the medians, the machine and the command', () => {
  const text = markdown(resultsOf(SAMPLES));
  expect(text).toContain('| **Serval** | 210<br><sub>110–480</sub> | 1.10<br><sub>1.05–1.20</sub> |');
  expect(text).toContain('A CPU, 2 cores (avx2), 8 GB, Linux 6.1, Node v24.0.0');
  expect(text).toContain('`npm run bench:peers -- --rounds 3`: 3 rounds, 5 s a scenario');
  expect(text).toContain('2026-01-02, abc1234');
});

test('the document says where a peer is ahead, and never counts bare processes as one', () => {
  const cpu = [...samplesOf('bare', 'cpuMs', [1]), ...samplesOf('serval', 'cpuMs', [3])];
  const text = markdown(resultsOf([...SAMPLES, ...cpu, ...samplesOf('fastapi', 'cpuMs', [2])]));
  const losses = text.slice(text.indexOf('## Where Serval loses'), text.indexOf('## How'));
  expect(losses).toContain('FastAPI has 2.00, Serval 3.00');
  expect(losses).not.toContain('Bare');
  expect(losses).not.toContain('answers/s');
});

test('a busy machine and failed runs are told', () => {
  const text = markdown(resultsOf(SAMPLES, { loadBefore: 3.2, failures: ['fastapi, start-up: no answer'] }));
  expect(text).toContain('The machine was busy with other work');
  expect(text).toContain('- fastapi, start-up: no answer');
  expect(markdown(resultsOf(SAMPLES))).not.toContain('busy with');
});

test('the plots of a work are shown under it', () => {
  const results = resultsOf(SAMPLES);
  const plots = plotsOf(results);
  expect(plots.map(({ name }) => name)).toEqual(['peers-text-real-throughput.svg']);
  expect(markdown(results, plots)).toContain('](benchmarks/peers-text-real-throughput.svg)');
});

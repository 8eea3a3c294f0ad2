import { type Results, ratiosOf, valuesOf } from './results.ts';
import { bootstrapInterval, median } from './statistics.ts';

/** Figures of a run's summary, with the digits that they are worth. */
const COLUMNS: Readonly<Record<string, number>> = {
  startUpSeconds: 2,
  rate: 0,
  p50Ms: 2,
  p99Ms: 1,
  cpuMs: 2,
  mainCpuMs: 3,
  beyondRunP50Ms: 2,
  pssMb: 0,
  goodputShare: 2,
  refusalP99Ms: 1,
  healthMaxMs: 0,
  recoverySeconds: 1,
  keptRecoverySeconds: 1,
  lagP99Ms: 0,
};

/** The medians of all that was measured, one line a scenario and target, then what failed. */
export function printResults(results: Results): void {
  const rows: Record<string, Record<string, string>> = {};
  for (const scenario of scenariosOf(results)) {
    for (const { name: target } of results.targets) {
      const cells = Object.entries(COLUMNS).flatMap(([figure, digits]) => {
        const values = valuesOf(results, { target, scenario, figure });
        return values.length === 0 ? [] : [[figure, median(values).toFixed(digits)]];
      });
      if (cells.length > 0) rows[`${scenario} | ${target}`] = Object.fromEntries(cells);
    }
  }
  console.table(rows);
  for (const failure of results.failures) console.error(`FAILED: ${failure}`);
}

/** Median ratios of requests a second, with their 95 % bootstrap intervals. */
export function printRatios(results: Results, { target, base }: { target: string; base: string }): void {
  const rows: Record<string, Record<string, string>> = {};
  for (const scenario of scenariosOf(results)) {
    const row: Record<string, string> = {};
    for (const figure of ['rate', 'p50Ms', 'p99Ms', 'cpuMs']) {
      const ratios = ratiosOf(results, { target, base, scenario, figure });
      if (ratios.length > 0) row[figure] = ratioText(ratios);
    }
    rows[scenario] = row;
  }
  console.log(`${target} / ${base}:`);
  console.table(rows);
}

/** `1.12 (1.08–1.17)`. */
export function ratioText(ratios: readonly number[]): string {
  const { low, high } = bootstrapInterval(ratios);
  return `${median(ratios).toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

export function scenariosOf({ samples }: Pick<Results, 'samples'>): string[] {
  return [...new Set(samples.map(({ scenario }) => scenario))];
}

import { variableName } from '../src/config.ts';
import { ERROR_TABLE } from '../src/errors.ts';
import { type MetricDescription, Metrics } from '../src/observability/metrics.ts';
import { SETTINGS } from '../src/settings.ts';

/** The README's tables, made from the code. Each stands between `<!-- table: name -->` and `<!-- end -->`. */
const TABLES: Readonly<Record<string, () => string>> = {
  configuration: configurationTable,
  errors: errorTable,
  metrics: metricsTable,
};

/**
 * @returns the README with its tables as the code has them.
 * @throws Error when a table has no place in the README.
 */
export function withTables(readme: string): string {
  let text = readme;
  for (const [name, table] of Object.entries(TABLES)) {
    const place = new RegExp(`(<!-- table: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
    if (!place.test(text)) throw new Error(`README.md has no place for the table "${name}"`);
    text = text.replace(place, (_, begin: string, end: string) => `${begin}\n${table()}\n\n${end}`);
  }
  return text;
}

function configurationTable(): string {
  const rows = Object.entries(SETTINGS).map(([name, { unit, fallback, reason }]) => [
    `\`${variableName(name)}\``,
    `\`${fallback}\``,
    unit,
    reason,
  ]);
  return markdownTable(['Variable', 'Default', 'Unit', 'Why'], rows);
}

function errorTable(): string {
  const byStatus = Object.entries(ERROR_TABLE).sort(([, [a]], [, [b]]) => a - b);
  const rows = byStatus.map(([code, [status, meaning]]) => [String(status), `\`${code}\``, meaning]);
  return markdownTable(['Status', 'Code', 'When'], rows);
}

/** Every metric, as a server without models describes it. */
export function documentedMetrics(): MetricDescription[] {
  return new Metrics({
    queuedItems: () => [],
    workers: () => [],
    servingWorkers: () => 0,
    versions: () => [],
    queueWaitMs: () => 0,
    costs: () => [],
  }).describe();
}

function metricsTable(): string {
  const rows = documentedMetrics().map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(' '),
    help,
  ]);
  return markdownTable(['Metric', 'Type', 'Labels', 'What it tells'], rows);
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

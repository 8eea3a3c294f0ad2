import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ROOT } from './dockerfile.ts';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface DashboardQuery {
  readonly panel: string;
  readonly expr: string;
}

/** All rules of deploy/prometheus/rules.yml. */
export function rules(): Rule[] {
  const text = readFileSync(`${ROOT}deploy/prometheus/rules.yml`, 'utf8');
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
}

export function alertNames(): string[] {
  return rules().flatMap(({ alert }) => alert ?? []);
}

/** Every query of every panel of the dashboard that Grafana reads. */
export function dashboardQueries(): DashboardQuery[] {
  const text = readFileSync(`${ROOT}deploy/grafana/dashboards/serval.json`, 'utf8');
  const { panels } = JSON.parse(text) as { panels: { title: string; targets?: { expr: string }[] }[] };
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ panel: title, expr })));
}

/** Names in an expression that are metrics: what stands before braces, brackets or alone, and is no function or label. */
export function metricsOf(expr: string): string[] {
  const names = expr.replaceAll(/"[^"]*"/g, '').match(/\b(serval|process|nodejs)_[a-z0-9_]+/g) ?? [];
  return [...new Set(names)];
}

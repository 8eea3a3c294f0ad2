import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { dashboard } from '../../deploy/grafana/dashboard.ts';
import { documentedMetrics } from '../../docs/readme-tables.ts';
import { serviceOf } from './compose-file.ts';
import { ROOT } from './dockerfile.ts';
import { alertNames, dashboardQueries, metricsOf, rules } from './prometheus-files.ts';

const page = readFileSync(`${ROOT}docs/operations.md`, 'utf8');

test('the dashboard is what `npm run dashboard` writes', () => {
  const file = readFileSync(`${ROOT}deploy/grafana/dashboards/serval.json`, 'utf8');
  expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(dashboard())));
});

test('every metric that a panel or a rule asks for is one of the server’s', () => {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const known = [...documentedMetrics(), ...register.getMetricsAsArray()].map(({ name }) => name);
  const asked = [...dashboardQueries(), ...rules()].flatMap(({ expr }) => metricsOf(expr));
  expect(asked.length).toBeGreaterThan(40);
  const unknown = asked.filter(
    (name) => !known.includes(name.replace(/_(bucket|sum|count)$/, '')) && !known.includes(name),
  );
  expect(unknown).toEqual([]);
});

test.each(rules().filter(({ alert }) => alert !== undefined))(
  '$alert names a section of docs/operations.md',
  (rule) => {
    expect(rule.annotations?.runbook).toBe(`docs/operations.md#${rule.alert?.toLowerCase()}`);
    expect(page).toContain(`\n### ${rule.alert}\n`);
  },
);

test('every alert is shown to fire by tests/deploy/rules.yml', () => {
  const { tests } = parse(readFileSync(`${ROOT}tests/deploy/rules.yml`, 'utf8')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const fired = tests
    .flatMap(({ alert_rule_test: cases }) => cases)
    .filter(({ exp_alerts: alerts }) => alerts.length > 0);
  expect(fired.map(({ alertname }) => alertname).sort()).toEqual(alertNames().sort());
});

test('Prometheus scrapes and tells the services of docker-compose.yml, Grafana asks its Prometheus', () => {
  const config = readFileSync(`${ROOT}deploy/prometheus/prometheus.yml`, 'utf8');
  expect(config).toContain(`targets: ['serval:${serviceOf('serval').environment?.SERVAL_METRICS_PORT}']`);
  expect(config).toContain("targets: ['alertmanager:9093']");
  expect(serviceOf('alertmanager').ports).toEqual(['127.0.0.1:9093:9093']);
  const source = readFileSync(`${ROOT}deploy/grafana/provisioning/datasources/prometheus.yml`, 'utf8');
  expect(source).toContain('url: http://prometheus:9090');
  expect(serviceOf('prometheus').ports).toEqual(['127.0.0.1:9090:9090']);
});

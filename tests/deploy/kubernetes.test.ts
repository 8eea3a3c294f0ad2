import { describe, expect, test } from 'vitest';
import { documentedMetrics } from '../../docs/readme-tables.ts';
import openapi from '../../openapi/openapi.json' with { type: 'json' };
import { parseConfig } from '../../src/config.ts';
import { bytesOf, type Container, deployed, environmentOf, manifest } from './manifests.ts';

/** How long workers that do not end by themselves are waited for. */
const WORKERS_END_MS = 5_000;

const deployment = manifest('kubernetes/base/deployment.yaml', 'Deployment').spec;
const predictor = manifest('kserve/inference-service.yaml', 'InferenceService').spec.predictor;
const containers: readonly [name: string, container: Container, terminationGraceSeconds: number][] = [
  ['Deployment', deployment.template.spec.containers[0], deployment.template.spec.terminationGracePeriodSeconds],
  [
    'ServingRuntime',
    manifest('kserve/serving-runtime.yaml', 'ServingRuntime').spec.containers[0],
    predictor.terminationGracePeriodSeconds,
  ],
];

describe.each(containers)('the container of the %s', (_, container, terminationGraceSeconds) => {
  const config = parseConfig(environmentOf(container));
  const portOf = (port: string | number) =>
    typeof port === 'number' ? port : container.ports.find(({ name }) => name === port)?.containerPort;

  test('names ports that the server listens on, where it can be reached', () => {
    expect(container.ports.map(({ containerPort }) => containerPort)).toEqual([config.port, config.grpcPort]);
    expect(config.host).toBe('0.0.0.0');
  });

  test.each(['startupProbe', 'livenessProbe', 'readinessProbe'] as const)(
    'has a %s of a route that is there',
    (name) => {
      const { httpGet } = container[name];
      expect(Object.keys(openapi.paths)).toContain(httpGet.path);
      expect(httpGet.path).toMatch(name === 'readinessProbe' ? /\/ready$/ : /\/live$/);
      expect(portOf(httpGet.port)).toBe(config.port);
    },
  );

  test('is killed only after the grace, the drain and the end of the workers', () => {
    const needed = config.shutdownGraceMs + config.drainTimeoutMs + WORKERS_END_MS;
    expect(terminationGraceSeconds * 1000).toBeGreaterThanOrEqual(needed);
  });

  test('serves until its readiness probe has been seen to fail', () => {
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(config.shutdownGraceMs).toBeGreaterThan(periodSeconds * failureThreshold * 1000);
  });

  test('has a worker for each core, and no limit of its CPU time', () => {
    expect(config.workers).toBe(Number(container.resources.requests.cpu));
    expect(container.resources.limits.cpu).toBeUndefined();
  });

  test('holds no more of bodies and queue than half of its memory', () => {
    const worst = config.maxReceivingBytes + config.maxQueueBytes;
    expect(worst).toBeLessThanOrEqual(bytesOf(container.resources.limits.memory ?? '') / 2);
  });

  test('can write where it writes', () => {
    const places = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(places).toEqual([config.snapshotDir, config.cacheDir]);
  });
});

test('the Services and the annotations name the container’s ports', () => {
  const names = deployment.template.spec.containers[0].ports.map(({ name }: { name: string }) => name);
  const { annotations } = deployment.template.metadata;
  expect(names).toContain(manifest('kubernetes/base/service.yaml', 'Service').spec.ports[0].targetPort);
  expect(annotations['prometheus.io/port']).toBe(environmentOf(containers[0]?.[1] as Container).SERVAL_PORT);
  expect(Object.keys(openapi.paths)).toContain(annotations['prometheus.io/path']);
  expect(manifest('kubernetes/monitoring/service-monitor.yaml', 'ServiceMonitor').spec.endpoints[0].port).toBe(
    manifest('kubernetes/base/service.yaml', 'Service').spec.ports[0].name,
  );
});

test('a pod is up in place of each before that one ends', () => {
  expect(deployment.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
});

test.each([
  'kubernetes/hpa/horizontal-pod-autoscaler.yaml',
  'kubernetes/hpa/prometheus-adapter-values.yaml',
  'kubernetes/keda/scaled-object.yaml',
  'kserve/inference-service.yaml',
])('%s scales on metrics that there are', (name) => {
  const known = documentedMetrics().map((metric) => metric.name);
  const named = deployed(name).match(/\bserval_[a-z_]+/g) ?? [];
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((metric) => !known.includes(metric))).toEqual([]);
});

import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { variableName } from '../../src/config.ts';
import { SETTINGS } from '../../src/settings.ts';
import { composeFile, serviceOf } from './compose-file.ts';
import { ROOT } from './dockerfile.ts';

const services = Object.entries(composeFile().services);

test('every file and folder that is mounted is in the repository, every volume is declared', () => {
  const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
  expect(sources.length).toBeGreaterThan(5);
  const missing = sources.filter((source) =>
    source.startsWith('./') ? !existsSync(`${ROOT}${source}`) : !(source in (composeFile().volumes ?? {})),
  );
  expect(missing).toEqual([]);
});

test('the settings that it gives to Serval are settings', () => {
  const known = Object.keys(SETTINGS).map(variableName);
  expect(Object.keys(serviceOf('serval').environment ?? {}).filter((name) => !known.includes(name))).toEqual([]);
});

test('ports are published to this machine only', () => {
  const ports = services.flatMap(([, { ports: published = [] }]) => published);
  expect(ports).toHaveLength(4);
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
});

test('the grace to stop is longer than a drain and the end of the workers', () => {
  const seconds = Number(serviceOf('serval').stop_grace_period?.replace(/s$/, ''));
  expect(seconds * 1000).toBeGreaterThanOrEqual(Number(SETTINGS.drainTimeoutMs.fallback) + 5_000);
});

test('Serval’s root is read-only, without capabilities, and nothing can get new rights', () => {
  expect(serviceOf('serval')).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  });
});

import { describe, expect, test } from 'vitest';
import openapi from '../../openapi/openapi.json' with { type: 'json' };
import { parseConfig } from '../../src/config.ts';
import { deployed } from './manifests.ts';

const config = parseConfig({});
const nginx = deployed('nginx/serval.conf');
const haproxy = deployed('haproxy/haproxy.cfg');

/** The paths that one replica alone may be asked for, with something in place of their parameters; and all others. */
const paths = Object.entries(openapi.paths).map(([path, operations]) => ({
  path: path.replaceAll(/\{[^}]+\}/g, 'x1'),
  isOfOneReplica: path === '/metrics' || JSON.stringify(operations).includes('"adminToken"'),
}));

/** Milliseconds of every `directive 10s;` */
function timesOf(text: string, directive: string): number[] {
  return [...text.matchAll(new RegExp(`^ *${directive} +(\\d+)(s|ms)?;?$`, 'gm'))].map(
    ([, number, unit]) => Number(number) * (unit === 's' ? 1000 : 1),
  );
}

describe('nginx', () => {
  test.each(['proxy_read_timeout', 'grpc_read_timeout'])('%s is above the longest deadline', (directive) => {
    const times = timesOf(nginx, directive);
    expect(times.length).toBe(1);
    for (const time of times) expect(time).toBeGreaterThan(config.maxTimeoutMs);
  });

  test.each(['proxy_send_timeout', 'grpc_send_timeout'])('%s is above the time of a body', (directive) => {
    const times = timesOf(nginx, directive);
    expect(times.length).toBe(1);
    for (const time of times) expect(time).toBeGreaterThan(config.bodyTimeoutMs);
  });

  test('closes idle connections to a replica before that does', () => {
    const [http, grpc] = timesOf(nginx, 'keepalive_timeout');
    for (const time of [http, grpc]) expect(time).toBeLessThan(config.keepAliveTimeoutMs);
  });

  test('takes every body that Serval takes', () => {
    const sizes = [...nginx.matchAll(/client_max_body_size (\d+)m;/g)].map(([, size]) => Number(size) * 1024 ** 2);
    expect(sizes.length).toBe(2);
    for (const size of sizes) expect(size).toBeGreaterThan(config.maxTensorBodyBytes);
  });

  test('refuses the management routes and the metrics, and nothing else', () => {
    const [, pattern = ''] = /location ~ (\^\/\(metrics\S+) \{/.exec(nginx) ?? [];
    const refused = paths.filter(({ path }) => new RegExp(pattern).test(path));
    expect(refused.map(({ path }) => path)).toEqual(paths.filter((one) => one.isOfOneReplica).map(({ path }) => path));
  });
});

describe('HAProxy', () => {
  test('timeout server is above the longest deadline', () => {
    expect(timesOf(haproxy, 'timeout server')).toEqual([130_000]);
    expect(130_000).toBeGreaterThan(config.maxTimeoutMs);
  });

  test('its health check is of a route that is there', () => {
    const [, path = ''] = /http-check send meth GET uri (\S+)/.exec(haproxy) ?? [];
    expect(Object.keys(openapi.paths)).toContain(path);
  });

  test('refuses the management routes and the metrics, and nothing else', () => {
    const rules = [...haproxy.matchAll(/acl of_one_replica path,url_dec -m (str|beg|reg) (.+)$/gm)];
    expect(rules.length).toBe(3);
    const isRefused = (path: string) =>
      rules.some(([, how, values = '']) => {
        if (how === 'reg') return new RegExp(values).test(path);
        return values.split(' ').some((value) => (how === 'str' ? path === value : path.startsWith(value)));
      });
    const refused = paths.filter(({ path }) => isRefused(path));
    expect(refused.map(({ path }) => path)).toEqual(paths.filter((one) => one.isOfOneReplica).map(({ path }) => path));
  });
});

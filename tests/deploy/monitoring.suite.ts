import { execFileSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../../load-tests/free-port.ts';
import { filledIn, Prometheus } from '../../load-tests/prometheus.ts';
import { readSentences } from '../../load-tests/sentences.ts';
import { makeKey } from '../fixtures/api-keys.ts';
import { type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { ROOT } from './dockerfile.ts';
import { dashboardQueries, metricsOf, rules } from './prometheus-files.ts';

/**
 * Debian's prometheus scrapes the real server, which first is used calmly and then gets everything that the dashboard and
 * the alerts are there for: overload, deadlines, workers that die, a bad version, a bad change.
 */

const TOKEN = 'a-token-for-the-tests';
const WINDOW = '30s';
const client = makeKey('shop');

let models = '';
let metricsPort = 0;
let serval: ServalProcess;
let prometheus: Prometheus;
let texts: string[];
let trouble: Promise<void> | null = null;
let isOver = false;

function textOf(at: number): string {
  return texts[at % texts.length] ?? '';
}

function predict(inputs: string | string[], parameters = {}): Promise<unknown> {
  const headers = { authorization: `Bearer ${client.key}` };
  return serval.post('/models/sentiment/predict', { inputs, parameters }, { headers });
}

/** Everything at once, so many times. */
async function burst(times: number, request: (at: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: times }, (_, at) => request(at)));
}

function manage(route: string): Promise<unknown> {
  return serval.post(route, {}, { headers: { authorization: `Bearer ${TOKEN}` } });
}

function folderOf(version: number): string {
  return path.join(models, 'sentiment', String(version));
}

/** Golden samples that no graph fulfils. */
async function spoilGolden(version: number): Promise<void> {
  const file = path.join(folderOf(version), 'golden.json');
  const golden = JSON.parse(await readFile(file, 'utf8')) as { samples: { scores: number[] }[] };
  for (const sample of golden.samples) sample.scores.reverse();
  await writeFile(file, JSON.stringify(golden));
}

/** One that serves: of those that load, the third to end would take its version with it. */
async function killWorker(): Promise<void> {
  await waitFor(async () => (await serval.metric('serval_workers', `http://127.0.0.1:${metricsPort}`)) === 2);
  const [pid] = serval.workerPids;
  if (pid === undefined) throw new Error('there is no worker');
  process.kill(pid, 'SIGKILL');
  await waitFor(() => serval.workerPids.length > 0 && !serval.workerPids.includes(pid));
}

/** Until the end: the same text twice, which is shared; more than the queue takes; deadlines that pass. */
async function makeTrouble(): Promise<void> {
  for (let round = 0; !isOver; round++) {
    const some = (at: number, count: number) =>
      Array.from({ length: count }, (_, k) => textOf(round * 7 + at * count + k));
    await burst(8, (at) => predict(textOf(round * 4 + (at >> 1))));
    await burst(24, (at) => predict(some(at, 8)));
    // Some are refused at the door, some too late.
    await burst(8, (at) => predict(some(at, 2), { timeout_ms: 3 + 6 * at }));
    await delay(100);
  }
}

async function firing(): Promise<string[]> {
  const series = await prometheus.query('ALERTS{alertstate="firing"}');
  return [...new Set(series.map(({ metric }) => metric.alertname ?? ''))].sort();
}

beforeAll(async () => {
  models = await makeFolder();
  await cp(`${ROOT}models/sentiment/1`, folderOf(1), { recursive: true });
  await cp(`${ROOT}models/mnist/2`, path.join(models, 'mnist/2'), { recursive: true });
  texts = (await readSentences()).map(({ text }) => text);
  // As docker-compose.yml has it: metrics on a port of their own, which needs no key.
  metricsPort = await freePort();
  const keys = { API_KEYS: client.line, METRICS_PORT: metricsPort };
  serval = await startServal({
    models,
    settings: { ADMIN_TOKEN: TOKEN, WORKERS: 2, MAX_QUEUE_ITEMS: 64, CALIBRATE: 'true', ...keys },
  });
  prometheus = await Prometheus.start({ target: `127.0.0.1:${metricsPort}`, everySeconds: 1 });
});

afterAll(async () => {
  isOver = true;
  await trouble;
  await prometheus?.stop();
  await serval?.kill();
  await removeFolder(models);
});

test('promtool accepts the configuration, and the rules do what their tests say', () => {
  execFileSync('promtool', ['check', 'config', 'deploy/prometheus/prometheus.yml'], { cwd: ROOT });
  const report = execFileSync('promtool', ['test', 'rules', 'tests/deploy/rules.yml'], { cwd: ROOT }).toString();
  expect(report).toContain('SUCCESS');
});

test('a server that is used calmly fires no alert', async () => {
  for (let round = 0; round < 20; round++) {
    await burst(4, (at) => predict(textOf(round * 4 + at)));
  }
  await waitFor(async () => (await prometheus.query('serval:workers_busy:ratio5m')).length > 0);
  expect(await firing()).toEqual([]);
});

test('overload, deadlines, dead workers, a bad version and a bad change fire theirs', async () => {
  trouble = makeTrouble();
  for (let worker = 0; worker < 3; worker++) await killWorker();
  await cp(folderOf(1), folderOf(2), { recursive: true });
  await spoilGolden(2);
  await manage('/models/sentiment/versions/2/load');
  await spoilGolden(1);
  await manage('/models/sentiment/versions/1/load');
  await cp(`${ROOT}models/sentiment/2`, folderOf(3), { recursive: true });
  await manage('/models/sentiment/versions/3/load');
  const expected = ['ServalUpdateRefused', 'ServalVersionFailed', 'ServalWorkersLost'];
  // A text that was alone in two of the killed workers is refused, and that is told as well.
  await vi.waitFor(async () => expect(await firing()).toEqual(expect.arrayContaining(expected)), {
    timeout: 60_000,
    interval: 200,
  });
});

describe('the dashboard', () => {
  test.each(dashboardQueries())('$panel: $expr', async ({ expr }) => {
    const query = filledIn(expr, WINDOW);
    const finite = async () => {
      const series = await prometheus.query(query);
      return series.flatMap(({ values }) => values.filter(({ value }) => Number.isFinite(value)));
    };
    // A series that has just begun has no rate before its second sample.
    await vi.waitFor(async () => expect(await finite(), query).not.toEqual([]), { timeout: 20_000, interval: 200 });
  });
});

describe('the rules', () => {
  test('were all evaluated without an error', async () => {
    const evaluated = await prometheus.rules();
    expect(evaluated).toHaveLength(rules().length);
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  test.each(rules().map((rule) => ({ ...rule, name: rule.alert ?? rule.record ?? '' })))(
    '$name asks for what the server tells',
    async ({ expr, record }) => {
      for (const name of metricsOf(expr)) expect(await prometheus.query(name), name).not.toEqual([]);
      if (record !== undefined) expect(await prometheus.query(record)).not.toEqual([]);
    },
  );

  test('that need longer than this run are on their way', async () => {
    const pending = await prometheus.query('ALERTS{alertstate="pending"}');
    const names = new Set(pending.map(({ metric }) => metric.alertname));
    expect(names).toContain('ServalErrors');
    expect(names).toContain('ServalRejecting');
  });
});

test('a server that is gone is about to be reported', async () => {
  isOver = true;
  await trouble;
  await serval.kill();
  await waitFor(async () => (await prometheus.query('ALERTS{alertname="ServalDown"}')).length > 0);
});

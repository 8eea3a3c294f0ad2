import { cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Panel, type Query, ROWS } from '../deploy/grafana/panels.ts';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { jsonRequest } from './http-request.ts';
import { runOpenLoop } from './open-loop.ts';
import { type GridEvent, panelGrid } from './panel-grid.ts';
import { filledIn, Prometheus, type Sampled } from './prometheus.ts';
import { readSentences } from './sentences.ts';
import { ROOT } from './serval-target.ts';

/**
 * `npm run dashboard:picture`: a hundred seconds of a server's life as its dashboard shows them, drawn from the
 * dashboard's own queries to a real Prometheus that scraped a real server. Writes docs/dashboard.svg.
 */

const TOKEN = 'a-token-for-the-picture';
const MODEL = 'reviews';
const SECONDS = 100;
const CALM = 60;
const OVERLOAD = 900;
const WINDOW = '5s';

const SHOWN: Readonly<Record<string, { title: string; write?: (value: number) => string }>> = {
  'Requests by status': { title: 'Requests a second by status' },
  'Items by version': { title: 'Items a second by version' },
  'Its steps, p99': { title: 'Steps of a request, p99', write: milliseconds },
  'Items of a batch': { title: 'Items of a batch' },
  'Workers busy': { title: 'Workers busy', write: (value) => `${Math.round(value * 100)} %` },
  Workers: { title: 'Workers serving, ended, replaced' },
};

function milliseconds(seconds: number): string {
  return `${Math.round(seconds * 1000)} ms`;
}

class Story {
  readonly #folder: string;
  readonly #serval: ServalProcess;
  readonly #texts: readonly string[];
  readonly #begun = performance.now();
  readonly events: GridEvent[] = [];

  constructor(folder: string, serval: ServalProcess, texts: readonly string[]) {
    this.#folder = folder;
    this.#serval = serval;
    this.#texts = texts;
  }

  async run(): Promise<void> {
    await Promise.all([this.#load(0, SECONDS, CALM), this.#load(20, 12, OVERLOAD), this.#happen()]);
  }

  async #load(after: number, seconds: number, rate: number): Promise<void> {
    await this.#until(after);
    await runOpenLoop({
      host: '127.0.0.1',
      port: this.#serval.port,
      request: (at) => {
        const inputs = this.#texts[(at * 7 + after) % this.#texts.length];
        return jsonRequest(`/models/${MODEL}/predict`, { inputs });
      },
      rate,
      seconds,
      deadlineMs: 5_000,
      newConnectionShare: 0,
      seed: after + 1,
      check: () => {},
    });
  }

  async #happen(): Promise<void> {
    await this.#at(20, '15 times the load');
    await this.#at(50, 'a worker is killed');
    process.kill(this.#serval.workerPids[0] ?? 0, 'SIGKILL');
    await this.#at(60, 'version 2 takes over');
    await cp(path.join(ROOT, 'models/sentiment/1'), this.#versionFolder(2), { recursive: true });
    await this.#manage('versions/2/load');
    await this.#at(74, 'version 3 is damaged: refused');
    await cp(this.#versionFolder(2), this.#versionFolder(3), { recursive: true });
    await truncate(path.join(this.#versionFolder(3), 'model.onnx'), 100_000);
    await this.#manage('versions/3/load');
    await this.#at(86, 'back to version 1');
    await this.#manage('versions/1/promote');
  }

  async #at(seconds: number, name: string): Promise<void> {
    await this.#until(seconds);
    this.events.push({ seconds, name });
  }

  #until(seconds: number): Promise<void> {
    return delay(Math.max(0, this.#begun + seconds * 1000 - performance.now()));
  }

  #versionFolder(version: number): string {
    return path.join(this.#folder, MODEL, String(version));
  }

  async #manage(route: string): Promise<void> {
    await this.#serval.post(`/models/${MODEL}/${route}`, {}, { headers: { authorization: `Bearer ${TOKEN}` } });
  }
}

const folder = await mkdtemp(path.join(tmpdir(), 'serval-picture-'));
await cp(path.join(ROOT, 'models/sentiment/2'), path.join(folder, MODEL, '1'), { recursive: true });
const settings = { ADMIN_TOKEN: TOKEN, MAX_QUEUE_MS: 300, CALIBRATE: 'true', SHARE_IDENTICAL: 'false' };
const serval = await startServal({ models: folder, settings });
const prometheus = await Prometheus.start({ target: `127.0.0.1:${serval.port}`, everySeconds: 1 });
try {
  const story = new Story(
    folder,
    serval,
    (await readSentences()).map(({ text }) => text),
  );
  const from = Date.now() / 1000;
  await story.run();
  const to = from + SECONDS;
  const panels = await Promise.all(
    shownPanels().map(async (panel) => ({
      title: SHOWN[panel.title]?.title ?? panel.title,
      series: (await Promise.all(panel.queries.map((query) => seriesOf(query, { from, to })))).flat(),
      ...(SHOWN[panel.title]?.write === undefined ? {} : { write: SHOWN[panel.title]?.write ?? String }),
    })),
  );
  const file = path.join(ROOT, 'docs/dashboard.svg');
  await writeFile(file, panelGrid('A hundred seconds on Serval’s dashboard', panels, story.events));
  console.log(`${file} has ${panels.map(({ series }) => series.length).join(', ')} series`);
} finally {
  await prometheus.stop();
  await serval.kill();
  await rm(folder, { recursive: true, force: true });
}

/** In the order of SHOWN; a title may stand on the dashboard twice, the number first. */
function shownPanels(): Panel[] {
  const all = ROWS.flatMap(({ panels }) => panels).filter(({ kind }) => kind !== 'number');
  return Object.keys(SHOWN).flatMap((title) => all.find((panel) => panel.title === title) ?? []);
}

async function seriesOf({ expr, legend }: Query, { from, to }: { from: number; to: number }) {
  const sampled = await prometheus.range(filledIn(expr, WINDOW), { from, to, step: 1 });
  return sampled.map(({ metric, values }) => ({
    name: nameOf(legend, metric),
    points: values.map(({ seconds, value }) => ({ x: seconds - from, y: value })),
  }));
}

/** The legend with its labels, shorter than on the dashboard, where there is one instance and one model. */
function nameOf(legend: string, labels: Sampled['metric']): string {
  return legend
    .replaceAll('{{instance}}', '')
    .replaceAll('{{model}}', '')
    .replace(/(?<=\w) p99$/, '')
    .replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '')
    .trim();
}

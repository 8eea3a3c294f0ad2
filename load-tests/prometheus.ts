import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';

const FILES = fileURLToPath(new URL('../deploy/prometheus/', import.meta.url));
const READY_TIMEOUT_MS = 30_000;

export interface PrometheusOptions {
  /** Where the server listens, as `127.0.0.1:8080`. */
  readonly target: string;
  /** How often it is scraped and rules are evaluated; 15 s in production. */
  readonly everySeconds: number;
}

/** A series of an answer: its labels, and its values by time in seconds. */
export interface Sampled {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly { readonly seconds: number; readonly value: number }[];
}

/** Debian's prometheus on the files of deploy/prometheus; only the target and the intervals are others. */
export class Prometheus {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** @throws Error where it does not become ready. */
  static async start({ target, everySeconds }: PrometheusOptions): Promise<Prometheus> {
    const folder = await mkdtemp(path.join(tmpdir(), 'serval-prometheus-'));
    await cp(FILES, folder, { recursive: true });
    const file = path.join(folder, 'prometheus.yml');
    const config = (await readFile(file, 'utf8'))
      .replace('serval:9464', target)
      .replace(/^alerting:\n.*\n/m, '')
      .replaceAll(/(scrape|evaluation)_interval: 15s/g, `$1_interval: ${everySeconds}s`);
    await writeFile(file, config);
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ];
    const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4_000);
    });
    child.on('error', (error) => {
      log += error.message;
    });
    const prometheus = new Prometheus(`http://${address}`, child, folder);
    const giveUpAt = performance.now() + READY_TIMEOUT_MS;
    while (!(await isReady(prometheus.url))) {
      if (performance.now() > giveUpAt || child.exitCode !== null || child.pid === undefined) {
        await prometheus.stop();
        throw new Error(`prometheus did not become ready: ${log}`);
      }
      await delay(50);
    }
    return prometheus;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    if (this.#child.kill('SIGTERM')) await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** @throws Error where the expression is wrong. */
  async query(expr: string): Promise<Sampled[]> {
    const { result } = await this.#data<InstantData>('query', { query: expr });
    return result.map(({ metric, value: [seconds, value] }) => ({
      metric,
      values: [{ seconds, value: Number(value) }],
    }));
  }

  /** @param from and `to` in seconds since 1970. */
  async range(expr: string, { from, to, step }: { from: number; to: number; step: number }): Promise<Sampled[]> {
    const parameters = { query: expr, start: String(from), end: String(to), step: String(step) };
    const { result } = await this.#data<RangeData>('query_range', parameters);
    return result.map(({ metric, values }) => ({
      metric,
      values: values.map(([seconds, value]) => ({ seconds, value: Number(value) })),
    }));
  }

  /** Every rule with what became of its last evaluation. */
  async rules(): Promise<{ name: string; health: string; lastError?: string; state?: string }[]> {
    const { groups } = await this.#data<RulesData>('rules', {});
    return groups.flatMap(({ rules }) => rules);
  }

  async #data<Data>(route: string, parameters: Record<string, string>): Promise<Data> {
    const response = await fetch(`${this.url}/api/v1/${route}?${new URLSearchParams(parameters)}`);
    const body = (await response.json()) as { status: string; error?: string; data: Data };
    if (body.status !== 'success') throw new Error(`${body.error}: ${parameters.query ?? route}`);
    return body.data;
  }
}

interface InstantData {
  readonly result: readonly { metric: Record<string, string>; value: [number, string] }[];
}

interface RangeData {
  readonly result: readonly { metric: Record<string, string>; values: [number, string][] }[];
}

interface RulesData {
  readonly groups: readonly { rules: { name: string; health: string; lastError?: string; state?: string }[] }[];
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch {
    return false;
  }
}

/** An expression of the dashboard as Grafana would send it with everything chosen. */
export function filledIn(expr: string, rateInterval: string): string {
  return expr.replaceAll(/\$(instance|model)\b/g, '.*').replaceAll('$__rate_interval', rateInterval);
}

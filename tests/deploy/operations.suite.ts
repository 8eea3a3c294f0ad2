import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../load-tests/free-port.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT } from './dockerfile.ts';

/** Runs the blocks of docs/operations.md as an operator would: in order, in one shell, in the repository's folder. */

const LIMIT_MS = 150_000;
const MARK = '@@ block';
/** Commands that only Docker runs stand in `console` blocks, checked by the suites that docs/operations.md names. */
const BLOCK = /^```bash\n([\s\S]*?)\n```$/gm;

const page = await readFile(`${ROOT}docs/operations.md`, 'utf8');
const blocks = [...page.matchAll(BLOCK)].map(([, text = '']) => text);
let folder = '';
let hook: WebHook;
let outputs: string[] = [];
let ended: { code: number | null; errors: string };

/** The page's script with ports that are free, and without the lines that were run already or take minutes. */
async function script(): Promise<string> {
  const [serval, prometheus, alertmanager] = [await freePort(), await freePort(), await freePort()];
  const lines = blocks.map((block, at) => `printf '\\n${MARK} ${at}\\n'\n${block}`).join('\n');
  return lines
    .replace(/^npm ci$/m, ':')
    .replaceAll('/tmp/serval-prometheus', `${folder}/prometheus`)
    .replaceAll('localhost:8080', `localhost:${serval}`)
    .replaceAll('localhost:9090', `localhost:${prometheus}`)
    .replaceAll('localhost:9093', `localhost:${alertmanager}`)
    .replaceAll('localhost:5001', `localhost:${hook.port}`)
    .replace(
      /^prometheus-alertmanager/m,
      `sed -i 's/group_wait: 10s/group_wait: 0s/' ${folder}/prometheus/alertmanager.yml\n$&`,
    )
    .replace(
      /^prometheus --/m,
      `sed -i 's/interval: 15s/interval: 1s/' ${folder}/prometheus/prometheus.yml\nprometheus --`,
    )
    .replace(/^set -a/m, `echo SERVAL_PORT=${serval} >> .env\nset -a`);
}

function run(text: string): Promise<{ code: number | null; output: string; errors: string }> {
  return new Promise((resolve) => {
    const cleanUp = `trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\ntrap 'exit 1' TERM\n`;
    const PATH = `${path.dirname(process.execPath)}:${process.env.PATH}`;
    const environment = { ...process.env, PATH, SERVAL_WORKERS: '2', SERVAL_CACHE_DIR: 'off' };
    const shell = spawn('bash', ['-euo', 'pipefail', '-c', cleanUp + text], { cwd: folder, env: environment });
    let [output, errors] = ['', ''];
    shell.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    shell.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const timer = setTimeout(() => shell.kill('SIGTERM'), LIMIT_MS);
    shell.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output, errors });
    });
  });
}

/** What the block that contains the text printed. */
function outputOf(text: string): string {
  const at = blocks.findIndex((block) => block.includes(text));
  if (at < 0) throw new Error(`no block has: ${text}`);
  return outputs[at] ?? '';
}

/** What the operator gave as the address to call. */
class WebHook {
  readonly bodies: string[] = [];
  readonly #server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      this.bodies.push(body);
      response.end();
    });
  });

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

beforeAll(async () => {
  hook = await new WebHook().listen();
  folder = await mkdtemp(path.join(tmpdir(), 'serval-operations-'));
  // A copy, because the operator adds models and takes them away.
  for (const name of ['src', 'models', 'deploy', 'package.json']) {
    await cp(`${ROOT}${name}`, path.join(folder, name), { recursive: true });
  }
  await symlink(`${ROOT}node_modules`, path.join(folder, 'node_modules'));
  const { code, output, errors } = await run(await script());
  outputs = output.split(new RegExp(`^${MARK} \\d+\n`, 'm')).slice(1);
  ended = { code, errors };
}, LIMIT_MS + 30_000);

afterAll(async () => {
  hook.close();
  await rm(folder, { recursive: true, force: true });
});

test('every block of the page works, to the end', () => {
  expect(ended, `stopped in the block:\n${blocks[outputs.length - 1]}\n${ended.errors}`).toMatchObject({ code: 0 });
  expect(outputs).toHaveLength(blocks.length);
});

test('node is started as npm start does', () => {
  expect(page).toContain(packageJson.scripts.start);
});

test('the model that was added answers', () => {
  expect(outputOf('mkdir -p models/reviews')).toMatch(/"model":"reviews","version":1,.*"action":"loaded"/);
  expect(outputOf('curl -fsS localhost:8080/models/reviews\n')).toContain('"predictions":[{"label":"positive"');
});

test('Prometheus knows its traffic and its state', () => {
  expect(outputOf('serval:workers_busy:ratio5m')).toMatch(/"model":"reviews","state":"ready","version":"1"/);
});

test('the bad version is refused and alerted on, and the one before serves on', () => {
  expect(outputOf('versions/2/load')).toContain('"action":"loaded"');
  expect(outputOf('truncate')).toContain('SERVAL_VERSION_REFUSED');
  const alerted = outputOf('until curl -fsS localhost:9093/api/v2/alerts');
  expect(alerted).toMatch(/"alertname":"ServalVersionFailed".*"version":"3"/);
  expect(alerted).toContain('"model":"reviews","version":2,"predictions"');
});

test('Alertmanager told the operator', () => {
  const told = hook.bodies.map((body) => JSON.parse(body) as { status: string; commonLabels: Record<string, string> });
  const labels = { alertname: 'ServalVersionFailed', model: 'reviews', version: '3' };
  expect(told).toContainEqual(
    expect.objectContaining({ status: 'firing', commonLabels: expect.objectContaining(labels) }),
  );
});

test('the roll-back answers with the version before, and going forward with the later one', () => {
  expect(outputOf('promote')).toContain('"model":"reviews","version":1,"predictions"');
  expect(outputOf('unpin')).toContain('"model":"reviews","version":2,"predictions"');
});

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../load-tests/free-port.ts';
import { waitFor } from '../fixtures/serval-process.ts';
import { buildBare } from './bare-build.ts';
import { dockerfileStages, instructionsOf, ROOT, variablesOf, wordsOf } from './dockerfile.ts';

/** What the Dockerfile makes, made in bare folders by its own steps, and started as the image would be. */

const IMAGE = instructionsOf('serval');
const folder = mkdtempSync(path.join(tmpdir(), 'serval-image-'));
const scratch = path.join(folder, 'scratch');
let root = '';
let port = 0;
let server: ChildProcess | null = null;

/** The image's user, where this process may become another; its variables; its paths in the folder. */
function inTheImage() {
  const [uid, gid] = (IMAGE.findLast(({ word }) => word === 'USER')?.rest ?? '').split(':').map(Number);
  const variables = Object.entries(variablesOf(IMAGE)).map(([name, value]) => [
    name,
    value.startsWith('/') ? `${root}${value}` : value,
  ]);
  return {
    cwd: path.join(root, 'serval'),
    env: {
      PATH: `${root}/usr/local/bin:/usr/bin:/bin`,
      TMPDIR: scratch,
      ...Object.fromEntries(variables),
      SERVAL_PORT: String(port),
      SERVAL_WORKERS: '1',
    },
    ...(process.getuid?.() === 0 ? { uid: uid ?? 0, gid: gid ?? 0 } : {}),
  };
}

function healthCheck(): number | null {
  const [command = '', ...args] = wordsOf(IMAGE, 'HEALTHCHECK');
  return spawnSync(command, args, inTheImage()).status;
}

function predict(inputs: string): Promise<Response> {
  const body = JSON.stringify({ model: 'sentiment', inputs });
  const headers = { 'content-type': 'application/json' };
  return fetch(`http://127.0.0.1:${port}/predict`, { method: 'POST', headers, body });
}

beforeAll(async () => {
  chmodSync(folder, 0o755);
  root = buildBare(dockerfileStages(), 'serval', folder);
  mkdirSync(scratch);
  chmodSync(scratch, 0o1777);
  port = await freePort();
});

afterAll(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test('the health check fails while nothing answers', () => {
  expect(healthCheck()).toBe(1);
});

test('it starts by its entry point, becomes healthy and answers', async () => {
  const [command = '', ...args] = wordsOf(IMAGE, 'ENTRYPOINT');
  server = spawn(command, args, { ...inTheImage(), stdio: ['ignore', 'ignore', 'inherit'] });
  await waitFor(() => healthCheck() === 0, 60_000);
  const answer = (await (await predict('The coffee is superb.')).json()) as { predictions: { label: string }[] };
  expect(answer.predictions[0]?.label).toBe('positive');
});

test.skipIf(process.getuid?.() !== 0)('its user writes to the cache and the temporary folder, and nowhere else', () => {
  const writable = spawnSync('find', [root, '-writable', '!', '-type', 'l'], inTheImage()).stdout.toString();
  const places = new Set(
    writable.split('\n').filter((line) => line !== '' && !line.startsWith(`${root}/var/cache/serval`)),
  );
  expect([...places]).toEqual([]);
  expect(readdirSync(scratch).some((name) => name.startsWith('serval-'))).toBe(true);
});

test('SIGTERM drains: what was accepted is answered, the exit code is 0, nothing is left over', async () => {
  const running = server;
  if (running === null) throw new Error('the server does not run');
  const exited = new Promise((resolve) => running.once('exit', resolve));
  const answers = Array.from({ length: 50 }, (_, at) => predict(`Order ${at} came late, but the coffee is superb.`));
  await answers[0];
  running.kill('SIGTERM');
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(await exited).toBe(0);
  expect(readdirSync(scratch).filter((name) => name.startsWith('serval-'))).toEqual([]);
});

test('it holds ONNX Runtime for this machine only, no development dependency and no CUDA', () => {
  const libraries = path.join(root, 'serval/node_modules/onnxruntime-node/bin/napi-v6');
  const platforms = readdirSync(libraries).flatMap((system) =>
    readdirSync(path.join(libraries, system)).map((cpu) => `${system}/${cpu}`),
  );
  expect(platforms).toEqual([`linux/${process.arch}`]);
  expect(
    readdirSync(path.join(libraries, `linux/${process.arch}`)).filter((name) => /cuda|tensorrt/.test(name)),
  ).toEqual([]);
  for (const name of ['vitest', 'typescript', '@biomejs']) {
    expect(existsSync(path.join(root, 'serval/node_modules', name))).toBe(false);
  }
});

test('its layers are as large as docs/operations.md says', () => {
  const page = readFileSync(`${ROOT}docs/operations.md`, 'utf8');
  const rows = [...page.matchAll(/^\| `(node_modules|models|src)` \| (\d+) MB \|/gm)];
  expect(rows).toHaveLength(3);
  for (const [, name = '', stated] of rows) {
    const megabytes =
      Number(
        execFileSync('du', ['-sb', path.join(root, 'serval', name)])
          .toString()
          .split('\t')[0],
      ) / 1e6;
    expect(Math.abs(megabytes - Number(stated)), `${name} has ${megabytes} MB`).toBeLessThan(2 + 0.05 * Number(stated));
  }
});

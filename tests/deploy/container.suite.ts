import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../load-tests/free-port.ts';
import { waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { serviceOf } from './compose-file.ts';
import { ROOT } from './dockerfile.ts';

/** The Dockerfile as an image, run with the options of docker-compose.yml, by podman as root on a stand-in base image. */

const BASE = 'localhost/serval-suite-node';
const IMAGE = 'localhost/serval-suite';
const CONTAINER = `serval-suite-${process.pid}`;
const VOLUME = `serval-suite-weights-${process.pid}`;
const service = serviceOf('serval');

let folder = '';
let port = 0;

/** runc, because it can do with every layout of control groups. */
function podman(...args: string[]): string {
  return execFileSync('podman', ['--runtime', 'runc', ...args], { cwd: ROOT, stdio: 'pipe' })
    .toString()
    .trim();
}

function inspect<Value>(subject: string, field: string): Value {
  return JSON.parse(podman('inspect', '--format', `{{json ${field}}}`, subject)) as Value;
}

/** What the service asks for, as options of `run`; the ports are this machine's, because it may have no bridge. */
function options(): string[] {
  const {
    tmpfs = [],
    cap_drop: dropped = [],
    security_opt: security = [],
    mem_limit: memory,
    pids_limit: pids,
  } = service;
  return [
    '--network=host',
    ...(service.read_only === true ? ['--read-only'] : []),
    ...tmpfs.map((mount) => `--tmpfs=${mount}`),
    ...dropped.map((name) => `--cap-drop=${name}`),
    ...security.map((option) => `--security-opt=${option}`),
    `--memory=${memory}`,
    `--pids-limit=${pids}`,
    `--volume=${ROOT}models:/serval/models:ro`,
    `--volume=${VOLUME}:/var/cache/serval`,
    `--env=SERVAL_PORT=${port}`,
    // Not above what this process may give, where it is in a container itself.
    '--ulimit=nofile=4096:4096',
    '--ulimit=nproc=4096:4096',
  ];
}

function isHealthy(): boolean {
  return spawnSync('podman', ['--runtime', 'runc', 'healthcheck', 'run', CONTAINER]).status === 0;
}

function predict(inputs: string): Promise<Response> {
  const body = JSON.stringify({ model: 'sentiment', inputs });
  const headers = { 'content-type': 'application/json' };
  return fetch(`http://127.0.0.1:${port}/predict`, { method: 'POST', headers, body });
}

beforeAll(async () => {
  folder = await makeFolder();
  port = await freePort();
  execFileSync(`${ROOT}tests/deploy/stand-in-image.sh`, [BASE], { stdio: 'pipe' });
  // Debian's podman does not know arguments in the names of stages.
  const dockerfile = path.join(folder, 'Dockerfile');
  writeFileSync(dockerfile, readFileSync(`${ROOT}Dockerfile`, 'utf8').replaceAll('$' + '{VARIANT}', 'cpu'));
  const build = [
    '--isolation=chroot',
    '--network=host',
    '--pull=never',
    '--format=docker',
    `--build-arg=NODE_IMAGE=${BASE}`,
  ];
  podman('build', ...build, '--tag', IMAGE, '--file', dockerfile, '.');
});

afterAll(async () => {
  spawnSync('podman', ['--runtime', 'runc', 'rm', '--force', '--time=0', CONTAINER]);
  spawnSync('podman', ['volume', 'rm', '--force', VOLUME]);
  await removeFolder(folder);
});

test('it becomes healthy and answers with a read-only root and without capabilities', async () => {
  podman('run', '--detach', '--name', CONTAINER, ...options(), IMAGE);
  await waitFor(isHealthy, 90_000);
  const answer = (await (await predict('The coffee is superb.')).json()) as { predictions: { label: string }[] };
  expect(answer.predictions[0]?.label).toBe('positive');
  const touched = spawnSync('podman', [
    '--runtime',
    'runc',
    'exec',
    CONTAINER,
    'sh',
    '-c',
    'id -u && touch /serval/file',
  ]);
  expect(touched.stdout.toString().trim()).toBe('1000');
  expect(touched.stderr.toString()).toContain('Read-only file system');
});

test('node is process 1, and the limit of memory is the container’s', () => {
  const command = podman('exec', CONTAINER, 'sh', '-c', "tr '\\0' ' ' < /proc/1/cmdline");
  expect(command).toMatch(/^node .*src\/main\.ts$/);
  expect(inspect<number>(CONTAINER, '.HostConfig.Memory')).toBe(2 * 1024 ** 3);
});

test('stop drains: what was accepted is answered, and the exit code is 0', async () => {
  const answers = Array.from({ length: 50 }, (_, at) => predict(`Order ${at} came late, but the coffee is superb.`));
  await answers[0];
  podman('stop', '--time=35', CONTAINER);
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(inspect<number>(CONTAINER, '.State.ExitCode')).toBe(0);
});

test('the image is larger than its base by what docs/operations.md says', () => {
  const page = readFileSync(`${ROOT}docs/operations.md`, 'utf8');
  const stated = [...page.matchAll(/^\| `(?:node_modules|models|src)` \| (\d+) MB \|/gm)].map(([, size]) =>
    Number(size),
  );
  const megabytes = (inspect<number>(IMAGE, '.Size') - inspect<number>(BASE, '.Size')) / 1e6;
  const sum = stated.reduce((total, size) => total + size, 0);
  expect(Math.abs(megabytes - sum), `${megabytes} MB`).toBeLessThan(15);
});

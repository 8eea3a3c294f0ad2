import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { childrenOf, type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { runClosedLoop } from './closed-loop.ts';
import { pssBytesOf, usageOf } from './process-tree.ts';
import { CACHE, toServalRequest } from './serval-target.ts';
import { median } from './statistics.ts';
import { readWork } from './work.ts';

/**
 * `npm run memory [-- --rounds N --seconds N]`: PSS of the tree with 1, 2 and 4 workers and all bundled models after a
 * load of texts and photographs, with weights that the workers share and with copies of their own, and of a worker
 * without models; in turns. Fails where two workers take more than 1.10 × one worker and a worker without models.
 */

const WORKERS = [1, 2, 4];
const CONNECTIONS = 32;
const ALLOWED = 1.1;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '10' } },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const work = await readWork('mixed');
await mkdir(CACHE, { recursive: true });
const folder = await mkdtemp(path.join(CACHE, 'memory-'));
const cacheDir = path.join(folder, 'cache');
const megabytes = new Map<string, number[]>();

try {
  await writeWeights();
  for (let round = 0; round < rounds; round++) {
    note('a worker without models', await emptyWorkerMb());
    for (const workers of WORKERS) {
      for (const cache of [cacheDir, 'off']) {
        const name = `${workers} workers, weights ${cache === 'off' ? 'of their own' : 'shared'}`;
        note(name, await loadedTreeMb(workers, cache));
      }
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
report();

function note(name: string, mb: number): void {
  megabytes.set(name, [...(megabytes.get(name) ?? []), mb]);
  console.log(`${name}: ${mb.toFixed(1)} MB`);
}

/** The first start finds nothing; it writes what the others share. */
async function writeWeights(): Promise<void> {
  await withServal({ workers: 1, cache: cacheDir }, (server) =>
    server.whenLogged('weights to share are in the cache', 60_000),
  );
}

async function loadedTreeMb(workers: number, cache: string): Promise<number> {
  return withServal({ workers, cache }, async (server) => {
    await runClosedLoop({
      url: server.url,
      connections: CONNECTIONS,
      seconds,
      requests: (at) =>
        Array.from({ length: Math.ceil(work.size / CONNECTIONS) }, (_, k) => {
          const place = (at + k * CONNECTIONS) % work.size;
          return toServalRequest(work.input(place, at), { deadlineMs: null });
        }),
      check: ({ status }) => {
        if (status !== 200) throw new Error(`an answer had status ${status}`);
      },
    });
    return (await usageOf(server.pid)).pssBytes / 1e6;
  });
}

async function emptyWorkerMb(): Promise<number> {
  const models = path.join(folder, 'models');
  await mkdir(models, { recursive: true });
  return withServal({ workers: 1, cache: 'off', models }, async (server) => {
    const [worker] = childrenOf(server.pid);
    return (await pssBytesOf(worker ?? 0)) / 1e6;
  });
}

interface Start {
  readonly workers: number;
  readonly cache: string;
  readonly models?: string;
}

async function withServal<Result>(start: Start, use: (server: ServalProcess) => Promise<Result>): Promise<Result> {
  const settings = { WORKERS: start.workers, CACHE_DIR: start.cache, CALIBRATE: 'true', LOG_LEVEL: 'info' };
  const server = await startServal({ models: start.models ?? 'models', settings });
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

function report(): void {
  const middle = (name: string) => median(megabytes.get(name) ?? []);
  const [one, two, empty] = ['1 workers, weights shared', '2 workers, weights shared', 'a worker without models'].map(
    middle,
  ) as [number, number, number];
  console.table(Object.fromEntries([...megabytes.keys()].map((name) => [name, { 'PSS MB': middle(name).toFixed(1) }])));
  const bound = ALLOWED * one + empty;
  const holds = two <= bound;
  const text = `2 workers ${two.toFixed(1)} MB, allowed 1.10 × ${one.toFixed(1)} + ${empty.toFixed(1)} = ${bound.toFixed(1)} MB`;
  if (holds) console.log(text);
  else console.error(`FAILED: ${text}`);
  process.exitCode = holds ? 0 : 1;
}

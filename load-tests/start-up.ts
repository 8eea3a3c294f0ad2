import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { bareTarget } from './bare-target.ts';
import { Children } from './children.ts';

/**
 * `npm run start-up`: from the command to ready with the bundled models, and to the first answer; a first start, which
 * finds no shared weights, a later one, and that of two bare processes (load-tests/bare/loop.ts), in turns. Fails where either
 * takes more than 3 s, on a machine that is as fast as the one that this was set for; on a slower one, as much longer as the
 * bare processes take there.
 */

const MAX_SECONDS = 3;
/** What two bare processes took to start where 3 s were set: docs/benchmarks.md, 28 November 2026. */
const SET_FOR_BARE_SECONDS = 0.76;
const RUNS = 3;

const folder = await mkdtemp(path.join(tmpdir(), 'serval-start-up-'));
const bare = bareTarget({ name: 'bare', title: 'Bare processes', children: new Children(), isRunOnly: false });
const bareSeconds: number[] = [];
const seconds: Record<'first' | 'later', number[]> = { first: [], later: [] };
try {
  await start('first', path.join(folder, 'cache'), true);
  for (let run = 0; run < RUNS; run++) {
    seconds.later.push(await start('later', path.join(folder, 'cache'), false));
    seconds.first.push(await start('first', path.join(folder, `cache-${run}`), false));
    bareSeconds.push(await startBare());
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
// The best of the runs: what other programs do to the machine is nobody's time.
const pace = Math.max(1, Math.min(...bareSeconds) / SET_FOR_BARE_SECONDS);
const allowed = MAX_SECONDS * pace;
console.log(
  `bare processes: ${bareSeconds.map((took) => took.toFixed(2)).join(', ')} s; ${allowed.toFixed(2)} s are allowed`,
);
for (const [kind, values] of Object.entries(seconds)) {
  const best = Math.min(...values);
  if (best <= allowed) continue;
  console.error(`FAILED: a ${kind} start was ready after ${best.toFixed(2)} s, ${allowed.toFixed(2)} s are allowed`);
  process.exitCode = 1;
}

/** @returns seconds until two processes that do nothing but encode and run texts could begin. */
async function startBare(): Promise<number> {
  const running = await bare.start('text');
  await running.stop();
  return running.startUpSeconds;
}

async function start(kind: string, cacheDir: string, waitsForWeights: boolean): Promise<number> {
  const begun = performance.now();
  const settings = { WORKERS: 'auto', CACHE_DIR: cacheDir, CALIBRATE: 'true', LOG_LEVEL: 'info' };
  const serval = await startServal({ models: 'models', settings });
  const took = (performance.now() - begun) / 1000;
  const { model, version } = await serval.predict({ inputs: 'The plot drags, but the acting is superb.' });
  if (waitsForWeights) await serval.whenLogged('weights to share are in the cache');
  else console.log(`${kind} start: ready after ${took.toFixed(2)} s, ${model}/${version} answers`);
  await serval.stop();
  return took;
}

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { SingleBar } from 'cli-progress';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { HealthProbe } from './health-probe.ts';
import { usageOf } from './process-tree.ts';
import { readSentences } from './sentences.ts';

/**
 * `npm run soak [-- --requests N] [--kill]`: real sentences at 64 connections. Fails on an answer that is not 200, on a
 * GET /health/live slower than 50 ms, and where the tree's memory grows by more than 10 MB after the first 2,000
 * requests. With --kill it kills one worker after another, each when all are back, and checks that they come back instead of
 * the memory.
 */

const CONNECTIONS = 64;
const WARM_UP_REQUESTS = 2_000;
const MAX_GROWTH_BYTES = 10e6;
const MAX_LIVE_MS = 50;
const LIVE_EVERY_MS = 25;
const CALIBRATED_WITHIN_MS = 15_000;
const KILL_EVERY_MS = 1_000;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    kill: { type: 'boolean', default: false },
  },
});
const total = Number(values.requests);
const bodies = (await readSentences()).map(({ text }) => JSON.stringify({ inputs: text }));
/** What went wrong, and how often. */
const faults = new Map<string, number>();

const serval = await startServal({
  models: 'models',
  settings: { WORKERS: 'auto', CALIBRATE: 'true', LOG_LEVEL: 'info' },
});
try {
  await calibrated(serval);
  await soak(serval);
} finally {
  const { code } = await serval.stop();
  check(code === 0, `the server ended with exit code ${code}`);
}
for (const [fault, times] of faults) console.error(`FAILED: ${fault}${times > 1 ? ` (${times} times)` : ''}`);
process.exitCode = faults.size === 0 ? 0 : 1;

function check(holds: boolean, fault: string): void {
  if (!holds) faults.set(fault, (faults.get(fault) ?? 0) + 1);
}

/** The runtime's memory grows to what its largest batch needs: the calibration's shall not count as growth. */
async function calibrated({ records }: ServalProcess): Promise<void> {
  const count = (message: string) => records.filter(({ msg }) => msg === message).length;
  const giveUpAt = performance.now() + CALIBRATED_WITHIN_MS;
  while (count('calibrated') < count('version verified') && performance.now() < giveUpAt) await delay(50);
}

async function soak(server: ServalProcess): Promise<void> {
  const bar = new SingleBar({ format: '{bar} {value}/{total} requests, {duration} s', hideCursor: true });
  bar.start(total, 0);
  const over = new AbortController();
  const live = await HealthProbe.start({
    port: Number(new URL(server.url).port),
    path: '/health/live',
    everyMs: LIVE_EVERY_MS,
  });
  const killing = values.kill ? killWorkers(server, over.signal) : [];
  await send(server.url, Math.min(WARM_UP_REQUESTS, total), bar);
  const before = await usageOf(server.pid);
  await send(server.url, total - WARM_UP_REQUESTS, bar);
  over.abort();
  bar.stop();
  const after = await usageOf(server.pid);
  const killed = await killing;
  report({ liveMs: await live.stop(), growth: after.pssBytes - before.pssBytes, pss: after.pssBytes });
  if (values.kill) await checkRestarts(server, killed);
  else check(after.pssBytes - before.pssBytes <= MAX_GROWTH_BYTES, 'memory grew by more than 10 MB');
}

/** Sends so many requests; whatever is not answered with 200 is a fault. */
async function send(url: string, amount: number, bar: SingleBar): Promise<void> {
  if (amount <= 0) return;
  let next = 0;
  const { errors, timeouts, non2xx, requests } = await autocannon({
    url: `${url}/predict`,
    method: 'POST',
    connections: Math.min(CONNECTIONS, amount),
    amount,
    requests: [
      {
        headers: { 'content-type': 'application/json' },
        setupRequest: (request) => ({ ...request, body: bodies[next++ % bodies.length] ?? '' }),
      },
    ],
    // Longer than the server's own deadline: what is lost shall be the server's fault.
    timeout: 60,
    setupClient: (client) => {
      client.on('response', (statusCode) => {
        bar.increment();
        check(statusCode === 200, `an answer had status ${statusCode}`);
      });
    },
  });
  check(
    errors + timeouts + non2xx === 0,
    `${errors} errors, ${timeouts} time-outs, ${non2xx} answers that are not 2xx`,
  );
  check(requests.total === amount, `${requests.total} of ${amount} requests were answered`);
}

/** @returns the process ids of those killed. */
async function killWorkers(server: ServalProcess, over: AbortSignal): Promise<number[]> {
  const killed: number[] = [];
  const count = server.workerPids.length;
  while (!over.aborted) {
    const [victim] = server.workerPids;
    if (victim !== undefined && (await server.metric('serval_workers')) === count) {
      process.kill(victim, 'SIGKILL');
      killed.push(victim);
    }
    await delay(KILL_EVERY_MS, undefined, { signal: over }).catch(() => {});
  }
  return killed;
}

async function checkRestarts(server: ServalProcess, killed: readonly number[]): Promise<void> {
  check(killed.length > 0, 'no worker was killed');
  const giveUpAt = performance.now() + 10_000;
  while ((await server.metric('serval_workers')) < server.workerPids.length && performance.now() < giveUpAt) {
    await delay(50);
  }
  const restarts = await server.metric('serval_worker_restarts_total');
  console.log(`${killed.length} workers killed, ${restarts} came back`);
  check(restarts === killed.length, `${restarts} workers came back of ${killed.length}`);
}

function report({ liveMs, growth, pss }: { liveMs: readonly number[]; growth: number; pss: number }): void {
  const slowest = Math.max(...liveMs);
  console.log(`memory ${(pss / 1e6).toFixed(1)} MB, ${(growth / 1e6).toFixed(1)} MB more than after the warm-up`);
  const before = liveMs.slice(0, liveMs.indexOf(slowest)).reduce((total, ms) => total + ms + LIVE_EVERY_MS, 0);
  const when = `${(before / 1000).toFixed(1)} s after the start`;
  console.log(`GET /health/live ${liveMs.length} times, at most ${slowest.toFixed(1)} ms, ${when}`);
  // Workers that start beside the load take the cores for themselves now and then; the calm run holds the bound.
  if (!values.kill) check(slowest <= MAX_LIVE_MS, `GET /health/live took ${slowest.toFixed(1)} ms`);
}

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { CountedLoad, capacityOf } from './counted-load.ts';
import { jsonRequest } from './http-request.ts';
import { isRunning, treeOf } from './process-tree.ts';
import { readSentences } from './sentences.ts';
import { Verdicts } from './verdicts.ts';

/**
 * `npm run sigterms -- [--counts 50] [--kills 5]`: servers under an open loop at 60 % of their capacity are told to end by
 * SIGTERM, one after another. Fails where an accepted request was not answered, the exit code is not 0, the drain limit
 * was not kept, or a process is left. Then as many as --kills are ended by kill -9 under load: all that they started must
 * be gone within two seconds, and the next one must serve at once.
 */

const { values } = parseArgs({
  options: { counts: { type: 'string', default: '50' }, kills: { type: 'string', default: '5' } },
});
const SHARE_OF_CAPACITY = 0.6;
const LOAD_MS = 700;
const DRAIN_TIMEOUT_MS = 10_000;
const ORPHAN_MS = 2_000;

const sentences = (await readSentences()).map(({ text }) => text);
const requests = sentences.map((text) => jsonRequest('/models/sentiment/predict', { inputs: text }));
const request = (at: number) => requests[at % requests.length] ?? jsonRequest('/', {});
const start = () =>
  startServal({
    models: 'models',
    settings: { WORKERS: 'auto', SHARE_IDENTICAL: 'false', LOG_LEVEL: 'info', DRAIN_TIMEOUT_MS },
  });
const verdicts = new Verdicts();

const first = await start();
const capacity = await capacityOf({ port: first.port, request });
const rate = capacity * SHARE_OF_CAPACITY;
console.log(`capacity ${capacity.toFixed(0)}/s, load ${rate.toFixed(0)}/s`);
await first.kill();

const sums = { sent: 0, answered: 0, told: 0, refused: 0, lost: 0, wrong: 0, badExits: 0, orphans: 0 };
let slowestMs = 0;
for (let round = 0; round < Number(values.counts); round++) {
  const server = await start();
  const { load, tree } = await loaded(server, round);
  const begun = performance.now();
  server.signal('SIGTERM');
  const { code } = await server.exited;
  slowestMs = Math.max(slowestMs, performance.now() - begun);
  const { sent, statuses, lost, refused, wrong } = await load.stop();
  sums.sent += sent;
  sums.answered += statuses['200'] ?? 0;
  sums.told += statuses['503'] ?? 0;
  sums.refused += refused;
  sums.lost += lost;
  sums.wrong += wrong.length + sent - (statuses['200'] ?? 0) - (statuses['503'] ?? 0) - refused - lost;
  sums.badExits += code === 0 ? 0 : 1;
  await delay(200);
  sums.orphans += await runningOf(tree);
}
console.log(
  `${values.counts} SIGTERMs, ${sums.sent} requests: ${sums.answered} answered, ${sums.told} told to go elsewhere (503), ${sums.refused} found no server`,
);
verdicts.check('accepted requests lost', sums.lost === 0, String(sums.lost));
verdicts.check('answers that are neither 200 nor 503, or wrong', sums.wrong === 0, String(sums.wrong));
verdicts.check('exit codes that are not 0', sums.badExits === 0, String(sums.badExits));
verdicts.check('within the drain limit', slowestMs <= DRAIN_TIMEOUT_MS, `at most ${slowestMs.toFixed(0)} ms`);
verdicts.check('processes left', sums.orphans === 0, String(sums.orphans));

let slowestKillMs = 0;
let left = 0;
for (let round = 0; round < Number(values.kills); round++) {
  const server = await start();
  const { load, tree } = await loaded(server, round);
  const begun = performance.now();
  server.signal('SIGKILL');
  while ((await runningOf(tree)) > 0 && performance.now() - begun < 2 * ORPHAN_MS) await delay(10);
  slowestKillMs = Math.max(slowestKillMs, performance.now() - begun);
  left += await runningOf(tree);
  await server.exited;
  await load.stop();
  const next = await start();
  await next.predict({ inputs: 'A joy to watch.' }, '/models/sentiment/predict');
  await next.kill();
}
verdicts.check(
  `all gone two seconds after each of ${values.kills} kill -9`,
  left === 0 && slowestKillMs <= ORPHAN_MS,
  `at most ${slowestKillMs.toFixed(0)} ms`,
);
verdicts.end();

async function loaded(server: ServalProcess, seed: number) {
  const load = new CountedLoad({
    port: server.port,
    rate,
    request,
    seed: seed + 1,
    check: ({ body }) => (body.includes('"predictions":[{') ? null : body),
  });
  await delay(LOAD_MS);
  return { load, tree: await treeOf(server.pid) };
}

async function runningOf(tree: readonly number[]): Promise<number> {
  const running = await Promise.all(tree.map(isRunning));
  return running.filter(Boolean).length;
}

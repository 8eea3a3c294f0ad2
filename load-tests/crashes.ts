import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { CountedLoad, capacityOf } from './counted-load.ts';
import { jsonRequest } from './http-request.ts';
import { usageOf } from './process-tree.ts';
import { readSentences } from './sentences.ts';
import { percentile } from './statistics.ts';
import { Verdicts } from './verdicts.ts';

/**
 * `npm run crashes -- [--counts 20] [--every 3000] [--spares 0] [--timed]`: workers of a server under an open loop at 60 %
 * of its capacity die of SIGSEGV, one every three seconds. Fails where a request is lost, an answer differs from the calm
 * server's, or a worker does not come back; with --timed also where the p99 is over three times the calm one, or full
 * capacity took more than 500 ms to come back.
 */

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '20' },
    every: { type: 'string', default: '3000' },
    spares: { type: 'string', default: '0' },
    timed: { type: 'boolean', default: false },
  },
});
const SHARE_OF_CAPACITY = 0.6;
const CALM_MS = Math.min(20_000, Number(values.counts) * Number(values.every));
const MAX_RESTORE_MS = 500;

const sentences = (await readSentences()).map(({ text }) => text);
const requests = sentences.map((text) => jsonRequest('/models/sentiment/predict', { inputs: text }));
const request = (at: number) => requests[at % requests.length] ?? jsonRequest('/', {});
const serval = await startServal({
  models: 'models',
  settings: { WORKERS: 'auto', SHARE_IDENTICAL: 'false', LOG_LEVEL: 'info', SPARE_WORKERS: values.spares },
});
const verdicts = new Verdicts();
try {
  await crash(serval);
} finally {
  await serval.kill();
}
verdicts.end();

async function crash(server: ServalProcess): Promise<void> {
  const expected = await calmAnswers(server);
  const capacity = await capacityOf({ port: server.port, request });
  const rate = capacity * SHARE_OF_CAPACITY;
  console.log(`capacity ${capacity.toFixed(0)}/s, load ${rate.toFixed(0)}/s`);
  const load = new CountedLoad({
    port: server.port,
    rate,
    request,
    check: ({ body }, at) => {
      const text = sentences[at % sentences.length] ?? '';
      const { predictions } = JSON.parse(body) as { predictions: unknown };
      return isDeepStrictEqual(rounded(predictions), expected.get(text)) ? null : `"${text}" → ${body}`;
    },
  });
  await delay(CALM_MS);
  const calmP99Ms = load.mark();
  const count = await server.metric('serval_workers');
  const restores: number[] = [];
  for (let crash = 0; crash < Number(values.counts); crash++) {
    const nextAt = performance.now() + Number(values.every);
    restores.push(await killOne(server, count));
    await delay(Math.max(0, nextAt - performance.now()));
  }
  const p99Ms = load.mark();
  const { pssBytes } = await usageOf(server.pid);
  const report = await load.stop();
  const { sent, statuses, lost, refused, wrong } = report;
  verdicts.check('accepted requests lost', lost + refused === 0, `${lost + refused} of ${sent}`);
  verdicts.check('answers', isDeepStrictEqual(Object.keys(statuses), ['200']), JSON.stringify(statuses));
  verdicts.check('wrong answers', wrong.length === 0, `${wrong.length}${wrong.length > 0 ? `: ${wrong[0]}` : ''}`);
  const slowest = Math.max(...restores);
  verdicts.checkTime('full capacity is back within 500 ms', slowest <= MAX_RESTORE_MS, {
    measured: `at most ${slowest.toFixed(0)} ms, median ${percentile(restores, 0.5).toFixed(0)} ms of ${restores.length}`,
    counts: values.timed,
  });
  verdicts.checkTime('p99 at most three times the calm one', p99Ms <= 3 * calmP99Ms, {
    measured: `${p99Ms.toFixed(1)} ms, calm ${calmP99Ms.toFixed(1)} ms`,
    counts: values.timed,
  });
  console.log(`memory of the tree (PSS) with ${values.spares} spare workers: ${(pssBytes / 1e6).toFixed(1)} MB`);
}

/** @returns how long it took until as many workers served as before, in ms. */
async function killOne(server: ServalProcess, count: number): Promise<number> {
  const before = await server.metric('serval_worker_restarts_total');
  const [victim] = server.workerPids;
  if (victim === undefined) throw new Error('there is no worker');
  const begun = performance.now();
  process.kill(victim, 'SIGSEGV');
  const giveUpAt = begun + 30_000;
  while ((await server.metric('serval_worker_restarts_total')) === before && performance.now() < giveUpAt)
    await delay(5);
  while ((await server.metric('serval_workers')) < count && performance.now() < giveUpAt) await delay(5);
  return performance.now() - begun;
}

async function calmAnswers(server: ServalProcess): Promise<Map<string, unknown>> {
  const answers = new Map<string, unknown>();
  for (let from = 0; from < sentences.length; from += 100) {
    const inputs = sentences.slice(from, from + 100);
    const { predictions } = await server.predict({ inputs }, '/models/sentiment/predict');
    for (const [at, text] of inputs.entries()) answers.set(text, rounded([predictions[at]]));
  }
  return answers;
}

/** Scores may move in the seventh digit with the shape of the batch; labels and all that can be seen may not. */
function rounded(predictions: unknown): unknown {
  const round = (_: string, value: unknown) => (typeof value === 'number' ? Math.round(value * 1e3) / 1e3 : value);
  return JSON.parse(JSON.stringify(predictions, round));
}

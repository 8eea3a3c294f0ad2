import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { startServal } from '../tests/fixtures/serval-process.ts';
import type { ImageLoopOrder, ImageLoopReport } from './bare/image-loop.ts';
import { jsonRequest } from './http-request.ts';
import { ImageLoad } from './image-load.ts';
import { runOpenLoop } from './open-loop.ts';
import { readSentences } from './sentences.ts';

/**
 * `npm run bench:images -- [--rounds 7] [--seconds 5] [--warm-up 15] [--models models]`
 *
 * 1. Throughput of 640×480 JPEGs at 16 connections against two bare processes with the same code, in turns.
 * 2. Latency of texts while 16 connections send images without a pause.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '15' },
    models: { type: 'string', default: 'models' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
/** So long V8 compiles what the server runs often: some 10 % of its main process at first. */
const warmUpSeconds = Number(values['warm-up']);
const CONNECTIONS = 16;
const WORKERS = 2;
const TEXTS_A_SECOND = 20;
const MIN_RATIO = 0.9;
const GOLDEN = `${values.models}/imagenet/1/golden`;

const photographs = await readPhotographs();
const sentences = await readSentences();
const loops = await Promise.all(Array.from({ length: WORKERS }, startLoop));
const serval = await startServal({ models: values.models, settings: { WORKERS, LOG_LEVEL: 'info' } });
try {
  const imageMs = await throughput();
  await textUnderImages(imageMs);
} finally {
  await serval.stop();
  for (const loop of loops) loop.kill();
}

/** The golden photographs as JPEGs of 640 × 480. */
async function readPhotographs(): Promise<Buffer[]> {
  const files = readdirSync(GOLDEN).filter((file) => /^[a-z]+\.(jpg|png|webp)$/.test(file));
  const jpeg = (file: string) => sharp(`${GOLDEN}/${file}`).resize(640, 480).flatten().jpeg({ quality: 88 }).toBuffer();
  return Promise.all(files.map(jpeg));
}

async function startLoop(): Promise<ChildProcess> {
  const entry = fileURLToPath(new URL('bare/image-loop.ts', import.meta.url));
  const loop = fork(entry, [`${values.models}/imagenet/1`], {
    serialization: 'advanced',
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  await once(loop, 'message');
  return loop;
}

/** Images a second of all bare processes together. */
async function bare(): Promise<number> {
  const rates = await Promise.all(
    loops.map(async (loop) => {
      loop.send({ seconds, files: photographs } satisfies ImageLoopOrder);
      const [report] = (await once(loop, 'message')) as [ImageLoopReport];
      return report.items / report.seconds;
    }),
  );
  return rates.reduce((total, rate) => total + rate, 0);
}

/** Images a second that the server answers. */
async function served(seconds: number): Promise<number> {
  const images = new ImageLoad(serval.url, photographs, CONNECTIONS);
  const begun = performance.now();
  await delay(seconds * 1000);
  await images.stop();
  return images.answered / ((performance.now() - begun) / 1000);
}

/** @returns ms of one image in a bare process. */
async function throughput(): Promise<number> {
  await bare();
  await served(warmUpSeconds);
  const ratios: number[] = [];
  const bareRates: number[] = [];
  const servedRates: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const bareRate = await bare();
    const { result: servedRate, pairs } = await countingPairs(() => served(seconds));
    bareRates.push(bareRate);
    servedRates.push(servedRate);
    ratios.push(servedRate / bareRate);
    console.log(
      `round ${round}: bare ${bareRate.toFixed(1)}/s, served ${servedRate.toFixed(1)}/s, ratio ${(servedRate / bareRate).toFixed(3)}, ${pairs} batches of two`,
    );
  }
  const ratio = median(ratios);
  console.log(
    `median: bare ${median(bareRates).toFixed(1)}/s, served ${median(servedRates).toFixed(1)}/s, ratio ${ratio.toFixed(3)} (at least ${MIN_RATIO})`,
  );
  if (ratio < MIN_RATIO) process.exitCode = 1;
  return (1000 * WORKERS) / median(bareRates);
}

async function textUnderImages(imageMs: number): Promise<void> {
  const alone = await textLatency(10);
  const images = new ImageLoad(serval.url, photographs, CONNECTIONS);
  await delay(1000);
  const { result: under, pairs } = await countingPairs(() => textLatency(seconds * rounds));
  await images.stop();
  const allowed = 2 * imageMs + alone.p50;
  console.log(`text alone: p50 ${alone.p50.toFixed(1)} ms, p99 ${alone.p99.toFixed(1)} ms`);
  console.log(
    `text under images: p50 ${under.p50.toFixed(1)} ms, p99 ${under.p99.toFixed(1)} ms (below ${allowed.toFixed(1)} ms: two images of ${imageMs.toFixed(1)} ms and its own)`,
  );
  console.log(`meanwhile ${pairs} batches of images had two`);
  if (under.p99 >= allowed) process.exitCode = 1;
}

/** Of the batches of images that run meanwhile, how many have two. */
async function countingPairs<Result>(run: () => Promise<Result>): Promise<{ result: Result; pairs: string }> {
  const before = await pictureBatches();
  const result = await run();
  const after = await pictureBatches();
  return { result, pairs: `${after.pairs - before.pairs} of ${after.all - before.all}` };
}

async function pictureBatches(): Promise<{ readonly all: number; readonly pairs: number }> {
  const of = 'model="imagenet",version="1"';
  const all = await serval.metric(`serval_batch_items_count{${of}}`);
  return { all, pairs: (await serval.metric(`serval_batch_items_sum{${of}}`)) - all };
}

/** Real sentences that arrive by chance, each latency from the moment it was meant to be sent. */
async function textLatency(seconds: number): Promise<{ p50: number; p99: number }> {
  const { hostname: host, port } = new URL(serval.url);
  const report = await runOpenLoop({
    host,
    port: Number(port),
    request: (at) => jsonRequest('/predict', { inputs: sentences[at % sentences.length]?.text }),
    rate: TEXTS_A_SECOND,
    seconds,
    deadlineMs: 10_000,
    newConnectionShare: 0,
    seed: 7,
    check: () => {},
  });
  if (report.inTime < report.sent) throw new Error(`not all texts were answered: ${JSON.stringify(report.statuses)}`);
  return report.latencyMs;
}

function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { HttpConnection } from './http-connection.ts';
import { jsonRequest, toBytes } from './http-request.ts';
import { treeOf, usageOf } from './process-tree.ts';
import { readSentences } from './sentences.ts';
import { Verdicts } from './verdicts.ts';

/**
 * `npm run growth -- [--counts 200000]`: so many requests on two models, texts and pictures. Fails where an answer is not
 * 200, memory grows by more than 20 MB per 100,000 requests after the first tenth, or open files, handles or listeners
 * grow.
 */

const { values } = parseArgs({ options: { counts: { type: 'string', default: '200000' } } });
const counts = Number(values.counts);
const CONNECTIONS = 16;
const MAX_GROWTH_BYTES = 20e6;
/** Of a short run, garbage that happens to lie about is a large share: so much is no growth. */
const NOISE_BYTES = 10e6;
/** Sockets of requests for figures come and go. */
const MAX_FILES = 8;
const HOST = '127.0.0.1';

const digits = 'models/mnist/2/golden';
const pictures = (await readdir(digits)).filter((name) => /\.(png|jpg|webp)$/.test(name));
const requests = [
  ...(await readSentences()).map(({ text }) => jsonRequest('/models/sentiment/predict', { inputs: text })),
  ...(await Promise.all(
    pictures.map(async (name) => {
      const image = (await readFile(`${digits}/${name}`)).toString('base64');
      return jsonRequest('/models/mnist/predict', { inputs: { image } });
    }),
  )),
];
const verdicts = new Verdicts();
const serval = await startServal({ models: 'models', settings: { WORKERS: 'auto' } });
try {
  await soak(serval);
} finally {
  await serval.stop();
}
verdicts.end();

interface Figures {
  readonly pssBytes: number;
  readonly files: number;
  readonly handles: number;
}

async function soak(server: ServalProcess): Promise<void> {
  const bar = new SingleBar({ format: '{bar} {value}/{total} requests, {duration} s', hideCursor: true });
  bar.start(counts, 0);
  const bad = new Map<number, number>();
  const warmUp = Math.ceil(counts / 10);
  await send(server, { from: 0, to: warmUp, bar, bad });
  const before = await figuresOf(server);
  await send(server, { from: warmUp, to: counts, bar, bad });
  const after = await figuresOf(server);
  bar.stop();
  const grown = after.pssBytes - before.pssBytes;
  const allowed = Math.max(NOISE_BYTES, (MAX_GROWTH_BYTES * (counts - warmUp)) / 100_000);
  verdicts.check('answers that are not 200', bad.size === 0, JSON.stringify([...bad]));
  verdicts.check(
    `memory (PSS) grows by at most ${(allowed / 1e6).toFixed(1)} MB`,
    grown <= allowed,
    `${(grown / 1e6).toFixed(1)} MB over ${counts - warmUp} requests, to ${(after.pssBytes / 1e6).toFixed(1)} MB`,
  );
  verdicts.check('open files', after.files - before.files <= MAX_FILES, `${before.files}, then ${after.files}`);
  verdicts.check('handles', after.handles - before.handles <= MAX_FILES, `${before.handles}, then ${after.handles}`);
  const warnings = server.output.split('\n').filter((line) => line.includes('MaxListenersExceededWarning'));
  verdicts.check('warnings of listeners that pile up', warnings.length === 0, String(warnings.length));
}

async function send(
  server: ServalProcess,
  { from, to, bar, bad }: { from: number; to: number; bar: SingleBar; bad: Map<number, number> },
): Promise<void> {
  let next = from;
  const client = async () => {
    const address = { host: HOST, port: server.port };
    const connection = new HttpConnection(address);
    while (next < to) {
      // Steps of a prime: texts and pictures alternate without a period.
      const request = requests[(next++ * 7919) % requests.length];
      if (request === undefined) throw new Error('there are no requests');
      const { status } = await connection.send(toBytes(request, { ...address, closes: false }));
      if (status !== 200) bad.set(status, (bad.get(status) ?? 0) + 1);
      bar.increment();
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

async function figuresOf(server: ServalProcess): Promise<Figures> {
  await delay(2_000);
  const { pssBytes } = await usageOf(server.pid);
  let files = 0;
  for (const pid of await treeOf(server.pid)) files += (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
  return { pssBytes, files, handles: await server.metric('nodejs_active_handles_total') };
}

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { capacityOf } from './counted-load.ts';
import { type HttpRequest, jsonRequest } from './http-request.ts';
import { readPhotographs, withSalt } from './photographs.ts';
import { ownCpuSeconds, usageOf } from './process-tree.ts';
import { readSentences } from './sentences.ts';
import { ROOT } from './serval-target.ts';

/**
 * `npm run per-core [-- --seconds 5 --connections 16]`: what one request of each bundled model costs a tree with one worker,
 * in CPU time of the kernel's account, so that who else uses the machine counts little; and from it how many a core serves,
 * and at how many requests a second the one main process of a tree is full.
 */

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, connections: { type: 'string', default: '16' } },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
/** Code is compiled and costs are calibrated by then. */
const WARM_UP_SECONDS = 4;

const texts = (await readSentences()).map(({ text }) => text);
const photographs = await readPhotographs();
const digitsFolder = path.join(ROOT, 'models/mnist/2/golden');
const digits = await Promise.all((await readdir(digitsFolder)).map((name) => readFile(path.join(digitsFolder, name))));

const JPEG = 0xff;
const mediaType = (file: Buffer | undefined) => (file?.[0] === JPEG ? 'image/jpeg' : 'image/png');

type RequestAt = (at: number) => HttpRequest;

const ofText =
  (version: number): RequestAt =>
  (at) =>
    jsonRequest(`/models/sentiment/versions/${version}/predict`, { inputs: texts[at % texts.length] });
const ofImage =
  (name: string, files: readonly Buffer[]): RequestAt =>
  (at) => ({
    path: `/models/${name}/predict`,
    headers: { 'content-type': mediaType(files[at % files.length]) },
    body: withSalt(files[at % files.length] ?? Buffer.alloc(0), at),
  });

const MODELS: readonly (readonly [name: string, request: RequestAt])[] = [
  ['sentiment/2, real sentences', ofText(2)],
  ['sentiment/1, real sentences', ofText(1)],
  ['mnist/2, digits as PNG', ofImage('mnist/versions/2', digits)],
  ['mnist/1, digits as PNG', ofImage('mnist/versions/1', digits)],
  ['imagenet/1, photographs', ofImage('imagenet', photographs)],
];

const serval = await startServal({
  models: 'models',
  settings: { WORKERS: 1, SHARE_IDENTICAL: 'false', CALIBRATE: 'true', LOG_LEVEL: 'info' },
});
try {
  const rows: Record<string, Figures> = {};
  for (const [name, request] of MODELS) rows[name] = await measure(request);
  console.table(rows);
} finally {
  await serval.kill();
}

interface Figures {
  readonly 'requests/s': string;
  readonly 'main ms': string;
  readonly 'workers ms': string;
  readonly 'a core serves': string;
  readonly 'main is full at': string;
}

async function measure(request: RequestAt): Promise<Figures> {
  const { port, pid } = serval;
  await capacityOf({ port, request }, { connections, seconds: WARM_UP_SECONDS });
  const [mainBefore, before] = [await ownCpuSeconds(pid), await usageOf(pid)];
  const rate = await capacityOf({ port, request }, { connections, seconds });
  const main = (await ownCpuSeconds(pid)) - mainBefore;
  const all = (await usageOf(pid)).cpuSeconds - before.cpuSeconds;
  const [mainMs, workerMs] = [main, all - main].map((used) => (used * 1000) / (rate * seconds)) as [number, number];
  return {
    'requests/s': rate.toFixed(0),
    'main ms': mainMs.toFixed(2),
    'workers ms': workerMs.toFixed(2),
    'a core serves': `${(1000 / (mainMs + workerMs)).toFixed(0)}/s`,
    'main is full at': `${(1000 / mainMs).toFixed(0)}/s`,
  };
}

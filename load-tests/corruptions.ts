import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { makeFolder } from '../tests/fixtures/temporary-folder.ts';
import { Random } from './random.ts';
import { Verdicts } from './verdicts.ts';

/**
 * `npm run corruptions -- [--counts 200] [--only sentiment/2] [--blind] [--seed 1]`: so many damaged copies of each bundled
 * model.onnx (a bit flipped, some flipped, cut short, a block of zeros) are loaded as new versions beside the original's
 * own files. Fails unless each is refused with a reason and the original answers throughout as it did before. With
 * --blind, serval.json's hash is taken away: then what the runtime and the golden samples see decides, and how many pass
 * them unseen is printed, not judged: a bit of a weight may change no score by more than the tolerance.
 */

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '200' },
    only: { type: 'string', default: 'sentiment/1,sentiment/2,mnist/1,mnist/2,imagenet/1' },
    blind: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
  },
});
const TOKEN = 'a-token-for-load-tests';
const AUTHORIZED = { headers: { authorization: `Bearer ${TOKEN}` } };
const verdicts = new Verdicts();
const random = new Random(Number(values.seed));
for (const bundled of values.only.split(',')) await corrupt(bundled);
verdicts.end();

async function corrupt(bundled: string): Promise<void> {
  const [model = ''] = bundled.split('/');
  const models = await makeFolder();
  await cp(path.join('models', bundled), path.join(models, model, '1'), { recursive: true });
  const serval = await startServal({ models, settings: { WORKERS: 1, ADMIN_TOKEN: TOKEN, RUN_TIMEOUT_MS: 5_000 } });
  try {
    const ask = () => answerOf(serval.port, model, models);
    const calm = await ask();
    const [restartsBefore, pids] = [await serval.metric('serval_worker_restarts_total'), serval.workerPids];
    const original = await readFile(path.join(models, model, '1', 'model.onnx'));
    const outcomes = new Map<string, number>();
    let served = 0;
    let unexplained = 0;
    let uneven = 0;
    for (let variant = 2; variant < 2 + Number(values.counts); variant++) {
      const folder = path.join(models, model, String(variant));
      await cp(path.join(models, model, '1'), folder, { recursive: true });
      await writeFile(path.join(folder, 'model.onnx'), damaged(original));
      if (values.blind) await forgetHash(folder);
      const { status, body } = await serval.post(`/models/${model}/versions/${variant}/load`, {}, AUTHORIZED);
      if (status === 200) {
        served += 1;
        await serval.post(`/models/${model}/versions/${variant}/unload`, {}, AUTHORIZED);
      } else if (status !== 409 || reasonOf(body).length < 10) unexplained += 1;
      const outcome = status === 200 ? 'served' : kindOf(reasonOf(body));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if ((await ask()) !== calm) uneven += 1;
      await rm(folder, { recursive: true });
    }
    const restarts = (await serval.metric('serval_worker_restarts_total')) - restartsBefore;
    console.log(`${bundled}: ${[...outcomes].map(([outcome, times]) => `${times} ${outcome}`).join(', ')}`);
    if (values.blind) console.log(`noted   ${bundled}: damaged files that no gate saw without a hash: ${served}`);
    else verdicts.check(`${bundled}: damaged files served`, served === 0, `${served} of ${values.counts}`);
    verdicts.check(`${bundled}: refused without a reason`, unexplained === 0, String(unexplained));
    verdicts.check(`${bundled}: answers of the original that changed`, uneven === 0, String(uneven));
    const isCalm = restarts === 0 && (served > 0 || pids.every((pid) => serval.workerPids.includes(pid)));
    verdicts.check(`${bundled}: its workers are those of before`, isCalm, `${restarts} ended`);
  } finally {
    await serval.kill();
    await rm(models, { recursive: true });
  }
}

function damaged(original: Buffer): Buffer {
  const copy = Buffer.from(original);
  const anywhere = () => Math.floor(random.next() * copy.length);
  const flip = () => {
    const at = anywhere();
    copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random.next() * 8));
  };
  switch (Math.floor(random.next() * 4)) {
    case 0:
      flip();
      return copy;
    case 1:
      for (let times = 0; times < 64; times++) flip();
      return copy;
    case 2:
      return copy.subarray(0, anywhere());
    default: {
      const at = anywhere();
      // Never the bytes of before, even where they were zeros.
      copy[at] = (copy[at] ?? 0) ^ 255;
      copy.fill(0, at + 1, Math.min(copy.byteLength, at + 4_096));
      return copy;
    }
  }
}

async function forgetHash(folder: string): Promise<void> {
  const file = path.join(folder, 'serval.json');
  const { sha256: _, ...rest } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify(rest));
}

async function answerOf(port: number, model: string, models: string): Promise<string> {
  const url = `http://127.0.0.1:${port}/models/${model}/predict`;
  const golden = JSON.parse(await readFile(path.join(models, model, '1', 'golden.json'), 'utf8')) as {
    samples: { input: string | { image: string } }[];
  };
  const input = golden.samples[0]?.input ?? '';
  const isText = typeof input === 'string';
  const body = isText
    ? JSON.stringify({ inputs: input })
    : JSON.stringify({
        inputs: { image: (await readFile(path.join(models, model, '1', input.image))).toString('base64') },
      });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { version, predictions } = (await response.json()) as { version: number; predictions: unknown };
  return JSON.stringify([response.status, version, predictions]);
}

function reasonOf(body: unknown): string {
  return String((body as { message?: unknown }).message ?? '');
}

/** What refused it, in a word or two. */
function kindOf(reason: string): string {
  if (reason.includes('SHA-256')) return 'by hash';
  if (reason.includes('golden sample')) return 'by golden samples';
  if (reason.includes('workers ended')) return 'because workers ended';
  return 'at load';
}

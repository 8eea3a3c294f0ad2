import { cp, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FORMS, sendImage } from '../../load-tests/image-request.ts';
import { measureParity, type ParityRow, tableOf, withParityTable } from '../../load-tests/parity-table.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';

const IMAGENET = fileURLToPath(new URL('../../models/imagenet/1', import.meta.url));

const IMAGE_BYTES = 'serval_image_bytes_total{model="imagenet",version="1"}';

let models: string;
let serval: ServalProcess;
let url: string;
let rows: ParityRow[];

beforeAll(async () => {
  models = await makeFolder();
  await cp(IMAGENET, path.join(models, 'imagenet/1'), { recursive: true });
  serval = await startServal({ models });
  url = `${serval.url}/models/imagenet`;
  rows = await measureParity(url, IMAGENET);
}, 60_000);

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

describe('the golden photographs, through HTTP', () => {
  test('are at least the 16 that were asked for', () => {
    expect(rows.length).toBeGreaterThanOrEqual(16);
  });

  test('get the reference’s first label', () => {
    expect(rows.filter(({ reference, served }) => reference !== served)).toEqual([]);
  });

  test('get every score within 0.02 of the reference’s', () => {
    expect(rows.filter(({ largestMove }) => !(largestMove <= 0.02))).toEqual([]);
  });

  test('get what the card says', async () => {
    const card = await readFile(path.join(IMAGENET, 'card.md'), 'utf8');
    expect(tableOf(withParityTable(card, rows))).toBe(tableOf(card));
  });
});

async function scoresOf(file: string, form: (typeof FORMS)[number]) {
  const bytes = await readFile(path.join(IMAGENET, 'golden', file));
  const answer = await sendImage({ url, bytes, form, topK: 1000 });
  expect(answer.status).toBe(200);
  return answer.body.predictions?.[0]?.scores ?? [];
}

test.for(['coffee.jpg', 'camera-grey.png', 'astronaut.webp'])('%s has the same scores in every form', async (file) => {
  const [raw, ...others] = await Promise.all(FORMS.map((form) => scoresOf(file, form)));
  expect(raw).toHaveLength(1000);
  for (const scores of others) expect(scores).toEqual(raw);
});

test('a photograph’s bytes are counted as they came, in every form', async () => {
  const { size } = await stat(path.join(IMAGENET, 'golden', 'astronaut-lossless.webp'));
  for (const form of FORMS) {
    const before = await serval.metric(IMAGE_BYTES);
    await scoresOf('astronaut-lossless.webp', form);
    await expect.poll(() => serval.metric(IMAGE_BYTES)).toBe(before + size);
  }
});

test('a batch gives each photograph the scores that it gets alone, within 1e-5', async () => {
  const names = (await readdir(path.join(IMAGENET, 'golden')))
    .filter((name) => /\.(jpg|png|webp)$/.test(name))
    .slice(0, 12);
  const form = new FormData();
  for (const name of names) {
    form.append('file', new Blob([await readFile(path.join(IMAGENET, 'golden', name))]), name);
  }
  const response = await fetch(`${url}/predict?top_k=1000`, { method: 'POST', body: form });
  const { predictions } = (await response.json()) as { predictions: { scores: { label: string; score: number }[] }[] };
  expect(predictions).toHaveLength(names.length);
  for (const [at, name] of names.entries()) {
    const alone = new Map((await scoresOf(name, 'raw')).map(({ label, score }) => [label, score]));
    const moves = (predictions[at]?.scores ?? []).map(({ label, score }) => Math.abs(score - (alone.get(label) ?? 1)));
    expect(moves).toHaveLength(1000);
    expect(Math.max(...moves), name).toBeLessThan(1e-5);
  }
});

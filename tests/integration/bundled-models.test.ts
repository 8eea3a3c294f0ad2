import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';

/** The models of this repository, as `npm start` serves them. */
const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const BUNDLED = ['sentiment/1', 'sentiment/2', 'mnist/1', 'mnist/2', 'imagenet/1'];
const MIXED_BATCH = 16;

let serval: ServalProcess;

beforeAll(async () => {
  serval = await startServal({ models: MODELS });
});

afterAll(async () => {
  await serval.kill();
});

interface Sample {
  readonly input: string | { readonly image: string };
  readonly scores: readonly number[];
}

interface Bundled {
  readonly path: string;
  readonly labels: readonly string[];
  readonly tolerance: number;
  readonly samples: readonly Sample[];
}

/** A version's golden samples, image files as base64. */
async function readBundled(name: string): Promise<Bundled> {
  const folder = path.join(MODELS, name);
  const { id2label } = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as {
    id2label: Record<string, string>;
  };
  const golden = JSON.parse(await readFile(path.join(folder, 'golden.json'), 'utf8')) as Pick<
    Bundled,
    'tolerance' | 'samples'
  >;
  const samples = await Promise.all(
    golden.samples.map(async ({ input, scores }) => {
      if (typeof input === 'string') return { input, scores };
      return { input: { image: await readFile(path.join(folder, input.image), 'base64') }, scores };
    }),
  );
  const [model, version] = name.split('/');
  const labels = Object.keys(id2label).map((id) => id2label[id] ?? '');
  return { path: `/models/${model}/versions/${version}/predict`, labels, tolerance: golden.tolerance, samples };
}

/** Largest difference of the served scores from the reference's, over all labels. */
async function largestError({ path: url, labels }: Bundled, samples: readonly Sample[]): Promise<number> {
  const inputs = samples.map(({ input }) => input);
  const { predictions } = await serval.predict({ inputs, parameters: { top_k: labels.length } }, url);
  expect(predictions).toHaveLength(samples.length);
  const errors = predictions.flatMap(({ scores }, at) => {
    const served = new Map(scores.map(({ label, score }) => [label, score]));
    return labels.map((label, id) =>
      Math.abs((served.get(label) ?? Number.NaN) - (samples[at]?.scores[id] ?? Number.NaN)),
    );
  });
  expect(errors).toHaveLength(samples.length * labels.length);
  return errors.reduce((largest, error) => (error <= largest ? largest : error), 0);
}

describe.each(BUNDLED)('%s', (name) => {
  test('gives each golden sample its reference scores, alone', async () => {
    const bundled = await readBundled(name);
    expect(bundled.samples.length).toBeGreaterThan(5);
    for (const sample of bundled.samples) {
      expect(await largestError(bundled, [sample])).toBeLessThanOrEqual(bundled.tolerance);
    }
  });

  test('gives each golden sample its reference scores, in mixed batches', async () => {
    const bundled = await readBundled(name);
    for (let at = 0; at < bundled.samples.length; at += MIXED_BATCH) {
      const samples = bundled.samples.slice(at, at + MIXED_BATCH);
      expect(await largestError(bundled, samples)).toBeLessThanOrEqual(bundled.tolerance);
    }
  });

  test('is ready, verified, and says where it comes from', async () => {
    const [model, version] = name.split('/');
    const { body } = await serval.get(`/models/${model}`);
    const { versions } = body as { versions: { version: number; provenance: object }[] };
    expect(versions.find((candidate) => candidate.version === Number(version))).toMatchObject({
      state: 'ready',
      golden: { samples: expect.any(Number), reference: expect.stringMatching(/.+/) },
      provenance: { licence: expect.stringMatching(/.+/), source: expect.stringMatching(/.+/) },
    });
  });
});

test.each(['sentiment/1', 'sentiment/2'])('%s has at least 40 golden samples, short and long', async (name) => {
  const { samples } = await readBundled(name);
  const lengths = samples.map(({ input }) => String(input).length);
  expect(samples.length).toBeGreaterThanOrEqual(40);
  expect(Math.min(...lengths)).toBeLessThan(20);
  expect(Math.max(...lengths)).toBeGreaterThan(300);
});

test('a text needs no model name: sentiment is the only one that takes texts, and version 2 answers', async () => {
  const answer = await serval.predict({ inputs: 'The plot drags, but the acting is superb.' });
  expect(answer).toMatchObject({ model: 'sentiment', version: 2, usage: { items: 1 } });
  expect(['negative', 'neutral', 'positive']).toContain(answer.predictions[0]?.label);
});

test('the scores of sentiment/2 do not depend on the batch', async () => {
  const { body } = await serval.get('/models/sentiment');
  expect(body).toMatchObject({ versions: [{}, { batching: { verdict: 'invariant' } }] });
});

import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { expectedScores, goldenFile, LABELS, writeTextModel } from '../fixtures/text-model.ts';

const TEXTS = ['good film', 'bad', 'fine film fine film fine', 'bad bad bad film', 'good', 'film', 'fine good bad'];

let models: string;
let serval: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny', '1'), { files: { 'serval.json': { temperature: 2 } } });
  await writeTextModel(path.join(models, 'tiny', '2'), { files: { 'golden.json': goldenFile(TEXTS) } });
  // As `optimum-cli export onnx` leaves it: no version folder, no file of ours.
  await writeTextModel(path.join(models, 'dropped-in'), {
    modelFile: 'onnx/model.onnx',
    graph: { tokenTypeIds: true },
  });
  await writeTextModel(path.join(models, 'mixes-batch'), { graph: { mixesBatch: true } });
  await writeTextModel(path.join(models, 'softmax-graph'), { graph: { ending: 'Softmax', idType: 'int32' } });
  await writeTextModel(path.join(models, 'fixed-length'), { graph: { fixedLength: 16 } });
  serval = await startServal({ models });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

interface Scored {
  readonly scores: readonly { readonly label: string; readonly score: number }[];
}

/** In label order. */
function scoresOf({ scores }: Scored): number[] {
  return LABELS.map((label) => scores.find((entry) => entry.label === label)?.score ?? Number.NaN);
}

function expectScores(prediction: Scored | undefined, text: string): void {
  const expected = expectedScores(text);
  if (prediction === undefined) throw new Error(`no prediction for "${text}"`);
  for (const [id, score] of scoresOf(prediction).entries()) expect(score, text).toBeCloseTo(expected[id] ?? -1, 5);
}

describe('the answer', () => {
  test('has the label with the highest score first', async () => {
    const { predictions, model, version, usage } = await serval.predict({ model: 'tiny', inputs: 'good film' });
    expect(predictions).toHaveLength(1);
    expect(predictions[0]).toMatchObject({ label: 'positive', score: predictions[0]?.scores[0]?.score });
    expect({ model, version, usage }).toEqual({
      model: 'tiny',
      version: 2,
      usage: { items: 1, tokens: 4, truncated: 0 },
    });
    expectScores(predictions[0], 'good film');
  });

  test('has one prediction for each input, in order', async () => {
    const { predictions } = await serval.predict({ model: 'tiny', inputs: TEXTS });
    expect(predictions).toHaveLength(TEXTS.length);
    for (const [at, text] of TEXTS.entries()) expectScores(predictions[at], text);
  });

  test('is cut at top_k', async () => {
    const { predictions } = await serval.predict({ model: 'tiny', inputs: 'good', parameters: { top_k: 2 } });
    expect(predictions[0]?.scores.map(({ label }) => label)).toEqual(['positive', 'neutral']);
  });

  test('tells how long each step took', async () => {
    const { headers } = await serval.post('/predict', { model: 'tiny', inputs: 'good' });
    expect(headers.get('server-timing')).toMatch(
      /^encode;dur=[\d.]+, queue;dur=[\d.]+, run;dur=[\d.]+, total;dur=[\d.]+$/,
    );
  });

  test('carries the client’s request id', async () => {
    const answer = await serval.post(
      '/predict',
      { model: 'tiny', inputs: 'good' },
      { headers: { 'x-request-id': 'a-1' } },
    );
    expect(answer.headers.get('x-request-id')).toBe('a-1');
    expect(answer.body).toMatchObject({ id: 'a-1' });
  });

  test('carries an id of its own where the client’s is not a plain one', async () => {
    const answer = await serval.post(
      '/predict',
      { model: 'tiny', inputs: 'good' },
      { headers: { 'x-request-id': 'a b' } },
    );
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the parameters', () => {
  test('function_to_apply none gives the graph’s own numbers', async () => {
    const parameters = { function_to_apply: 'none' };
    const { predictions } = await serval.predict({ model: 'tiny', inputs: 'good film', parameters });
    expect(predictions[0]?.score).toBeCloseTo(1.5, 5);
  });

  test('function_to_apply sigmoid gives each label a score of its own', async () => {
    const parameters = { function_to_apply: 'sigmoid' };
    const { predictions } = await serval.predict({ model: 'tiny', inputs: 'good film', parameters });
    expect(predictions[0]?.score).toBeCloseTo(1 / (1 + Math.exp(-1.5)), 5);
  });

  test('a long text is cut to the model’s limit, and usage says so', async () => {
    const { usage } = await serval.predict({ model: 'tiny', inputs: ['good '.repeat(100), 'good'] });
    expect(usage).toEqual({ items: 2, tokens: 64 + 3, truncated: 1 });
  });
});

describe('the paths', () => {
  test('a model in the path needs none in the body', async () => {
    expect(await serval.predict({ inputs: 'good' }, '/models/tiny/predict')).toMatchObject({
      model: 'tiny',
      version: 2,
    });
  });

  test('a version in the path is the one that answers', async () => {
    const { version, predictions } = await serval.predict({ inputs: 'good' }, '/models/tiny/versions/1/predict');
    expect(version).toBe(1);
    // The temperature of version 1's serval.json moves its scores together.
    expect(predictions[0]?.score).toBeLessThan(expectedScores('good')[2] ?? 0);
  });
});

describe('models as they come', () => {
  test('a Hugging Face export is served as version 1, with no file of ours', async () => {
    const { predictions, version } = await serval.predict({ model: 'dropped-in', inputs: TEXTS });
    expect(version).toBe(1);
    for (const [at, text] of TEXTS.entries()) expectScores(predictions[at], text);
  });

  test('a graph that ends in softmax is not given a second one', async () => {
    const { predictions } = await serval.predict({ model: 'softmax-graph', inputs: 'bad film' });
    expectScores(predictions[0], 'bad film');
  });

  test('a graph of one fixed length is padded to it', async () => {
    const { predictions } = await serval.predict({ model: 'fixed-length', inputs: TEXTS });
    for (const [at, text] of TEXTS.entries()) expectScores(predictions[at], text);
  });

  test('a model whose scores depend on the batch runs its items one by one', async () => {
    const { body } = await serval.get('/models/mixes-batch');
    expect(body).toMatchObject({ versions: [{ batching: { verdict: 'unsafe' } }] });
    const alone = await serval.predict({ model: 'mixes-batch', inputs: 'good film' });
    const crowd = await Promise.all(TEXTS.map((inputs) => serval.predict({ model: 'mixes-batch', inputs })));
    // Alone, each logit is its own mean: nothing is left of it.
    for (const { predictions } of [alone, ...crowd]) expect(predictions[0]?.score).toBeCloseTo(1 / 3, 6);
  });

  test('GET /models tells what is loaded', async () => {
    const { body } = await serval.get('/models/tiny');
    expect(body).toMatchObject({
      name: 'tiny',
      served_version: 2,
      versions: [
        { version: 1, state: 'ready', golden: 'none' },
        { version: 2, state: 'ready', golden: { samples: TEXTS.length, reference: 'worked out by hand' } },
      ],
    });
  });
});

test('an item’s scores are the same alone and in any company', async () => {
  const rounds = Array.from({ length: 200 }, (_, k) => TEXTS[(k * 7) % TEXTS.length] ?? '');
  const answers = await Promise.all(rounds.map((inputs) => serval.predict({ model: 'tiny', inputs })));
  for (const [at, { predictions }] of answers.entries()) expectScores(predictions[0], rounds[at] ?? '');
  const items = await serval.metric('serval_items_total{model="tiny",version="2"}');
  const batches = await serval.metric('serval_batch_items_count{model="tiny",version="2"}');
  expect(batches, 'some of them did run together').toBeLessThan(items);
});

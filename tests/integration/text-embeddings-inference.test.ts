import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeImageModel } from '../fixtures/image-model.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { LABELS, writeTextModel } from '../fixtures/text-model.ts';

let models: string;
let serval: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'), { tokenizerConfig: { model_max_length: 8 } });
  await writeTextModel(path.join(models, 'typed'), { graph: { tokenTypeIds: true } });
  await writeImageModel(path.join(models, 'colours'));
  serval = await startServal({ models, settings: { WORKERS: 1, MAX_INPUTS: 4 } });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

interface Rank {
  readonly label: string;
  readonly score: number;
}

async function predict(body: object, model = 'tiny') {
  return serval.post(`/tei/${model}/predict`, body);
}

async function ranks(body: object, model = 'tiny'): Promise<Rank[]> {
  return (await predict(body, model)).body as Rank[];
}

/** In label order. */
function inOrder(ranked: readonly Rank[]): number[] {
  return LABELS.map((label) => ranked.find((rank) => rank.label === label)?.score ?? Number.NaN);
}

test('a text gives its ranked labels, with the scores of POST /predict', async () => {
  const { predictions } = await serval.predict({ model: 'tiny', inputs: 'good film' });
  expect(await ranks({ inputs: 'good film' })).toEqual(predictions[0]?.scores);
  expect(await ranks({ inputs: ['good film'] })).toEqual(predictions[0]?.scores);
});

test('a batch gives a list each, texts and pairs side by side', async () => {
  const { body } = await predict({ inputs: [['good'], ['bad', 'film'], ['fine']] });
  const [good, pair, fine] = body as Rank[][];
  expect(good).toEqual(await ranks({ inputs: 'good' }));
  expect(pair).toEqual(await ranks({ inputs: ['bad', 'film'] }));
  expect(fine).toEqual(await ranks({ inputs: 'fine' }));
});

test('raw_scores gives the graph’s output', async () => {
  const raw = inOrder(await ranks({ inputs: 'good film', raw_scores: true }));
  // good + film, see WORDS.
  expect(raw).toEqual([-1, 0.25, 1.5]);
});

test('the second text of a pair has its own type', async () => {
  const raw = (inputs: unknown) => ranks({ inputs, raw_scores: true }, 'typed').then(inOrder);
  // The graph adds each token's type to each label: film and the last [SEP] are of type 1.
  expect(await raw(['good', 'film'])).toEqual([-1 + 2, 0.25 + 2, 1.5 + 2]);
  expect(await raw('good film')).toEqual([-1, 0.25, 1.5]);
});

test.for([
  [{ truncation_direction: 'right' }, 'good good good good good good'],
  [{ truncation_direction: 'Left' }, 'good good good bad bad bad'],
  [{ truncate: true }, 'good good good good good good'],
] as const)('%o cuts there', async ([options, kept]) => {
  const inputs = 'good good good good good good bad bad bad';
  expect(await ranks({ inputs, ...options })).toEqual(await ranks({ inputs: kept }));
});

test('a text that is too long is refused with "truncate": false', async () => {
  const inputs = 'good good good good good good bad';
  expect(await predict({ inputs, truncate: false })).toMatchObject({
    status: 422,
    body: { error: expect.stringContaining('has 9 tokens, the model takes 8'), error_type: 'Validation' },
  });
});

test.for([
  ['no inputs', {}, 422, 'Validation'],
  ['a number', { inputs: 7 }, 422, 'Validation'],
  ['three texts', { inputs: ['a', 'b', 'c'] }, 422, 'Validation'],
  ['an empty batch', { inputs: [] }, 422, 'Validation'],
  ['an empty text', { inputs: '' }, 400, 'Empty'],
  ['too large a batch', { inputs: [['a'], ['b'], ['c'], ['d'], ['e']] }, 413, 'Validation'],
  ['a long text', { inputs: 'a'.repeat(10_001) }, 422, 'Validation'],
] as const)('%s is refused as its server refuses it', async ([, body, status, errorType]) => {
  expect(await predict(body)).toMatchObject({ status, body: { error: expect.any(String), error_type: errorType } });
});

test('a model of another kind cannot do it', async () => {
  expect(await predict({ inputs: 'good' }, 'colours')).toMatchObject({
    status: 424,
    body: { error: expect.stringContaining('"colours"'), error_type: 'Backend' },
  });
});

test('info names the labels and the limits', async () => {
  const { status, body } = await serval.get('/tei/tiny/info');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    model_id: 'tiny',
    model_type: { classifier: { id2label: { 0: 'negative', 2: 'positive' }, label2id: { neutral: 1 } } },
    max_input_length: 8,
    max_client_batch_size: 4,
    auto_truncate: true,
  });
});

test('health is empty, and 404 for a model that is not there', async () => {
  const response = await fetch(`${serval.url}/tei/tiny/health`);
  expect([response.status, await response.text()]).toEqual([200, '']);
  expect(await serval.get('/tei/nobody/health')).toMatchObject({ status: 404, body: { error_type: 'Validation' } });
});

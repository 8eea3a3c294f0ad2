import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeImageModel } from '../fixtures/image-model.ts';
import { pngFile } from '../fixtures/png-file.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { LABELS, writeTextModel } from '../fixtures/text-model.ts';

const PICTURE = pngFile({ width: 8, height: 8, pixels: new Uint8Array(8 * 8 * 3).fill(200) }).toString('base64');

let models: string;
let serval: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny', '1'), { files: { 'serval.json': { temperature: 2 } } });
  await writeTextModel(path.join(models, 'tiny', '2'));
  await writeTextModel(path.join(models, 'tiny', '3'), { files: { 'config.json': { id2label: 7 } } });
  await writeImageModel(path.join(models, 'colours'));
  serval = await startServal({ models, settings: { WORKERS: 1, MAX_INPUTS: 4 } });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

interface Row {
  readonly label: string;
  readonly score: number;
  readonly scores: readonly number[];
}

async function own(body: object, version = 2): Promise<Row[]> {
  const { body: answer } = await serval.post(`/models/tiny/versions/${version}/predict`, body);
  const { predictions } = answer as Awaited<ReturnType<ServalProcess['predict']>>;
  return predictions.map(({ label, score, scores }) => ({
    label,
    score,
    scores: LABELS.map((name) => scores.find((entry) => entry.label === name)?.score ?? Number.NaN),
  }));
}

describe('predict', () => {
  test.for([
    ['texts', ['good film', 'bad']],
    ['named texts', [{ text: 'good film' }, { text: 'bad' }]],
    ['texts as base64', [{ b64: Buffer.from('good film').toString('base64') }, { text: { b64: 'YmFk' } }]],
  ] as const)(
    'in rows takes %s, and gives POST /predict’s scores in the order of the labels',
    async ([, instances]) => {
      const { status, body } = await serval.post('/v1/models/tiny:predict', { instances });
      expect(status).toBe(200);
      expect(body).toEqual({ predictions: await own({ inputs: ['good film', 'bad'] }) });
    },
  );

  test.for([
    ['a list', ['good film', 'bad']],
    ['a named list', { text: ['good film', 'bad'] }],
  ] as const)('in columns takes %s', async ([, inputs]) => {
    const { body } = await serval.post('/v1/models/tiny:predict', { inputs });
    const rows = await own({ inputs: ['good film', 'bad'] });
    expect(body).toEqual({
      outputs: {
        label: rows.map(({ label }) => label),
        score: rows.map(({ score }) => score),
        scores: rows.map(({ scores }) => scores),
      },
    });
  });

  test.for([
    ['/versions/1', 1],
    ['/labels/stable', 2],
    ['/labels/latest', 2],
  ] as const)('%s is version %i', async ([place, version]) => {
    const { body } = await serval.post(`/v1/models/tiny${place}:predict`, { instances: ['good'] });
    expect(body).toEqual({ predictions: await own({ inputs: ['good'] }, version) });
  });

  test.for([{ b64: PICTURE }, { image: { b64: PICTURE } }, { image_bytes: { b64: PICTURE } }, { image: PICTURE }])(
    'takes a picture as %o',
    async (instance) => {
      const { predictions } = await serval.predict({ model: 'colours', inputs: { image: PICTURE } });
      const { body } = await serval.post('/v1/models/colours:predict', { instances: [instance] });
      expect(body).toMatchObject({ predictions: [{ label: predictions[0]?.label, score: predictions[0]?.score }] });
    },
  );

  test('takes JSON under any content type, as requests and curl -d send it', async () => {
    const sent = { method: 'POST', body: new Blob(['{"instances": ["good"]}']) };
    const form = { ...sent, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    for (const request of [sent, form]) {
      expect((await fetch(`${serval.url}/v1/models/tiny:predict`, request)).status).toBe(200);
    }
  });

  test.for([
    ['neither instances nor inputs', {}, /either "instances"/],
    ['both', { instances: ['a'], inputs: ['a'] }, /either "instances"/],
    ['no instance', { instances: [] }, /at least one/],
    ['a number', { instances: ['good', 7] }, /Input 1: a text is a string/],
    ['another name', { instances: [{ words: 'good' }] }, /takes one input, "text"; there is "words"/],
    ['two names', { instances: [{ text: 'good', more: 1 }] }, /there is "text", "more"/],
    ['another signature', { instances: ['good'], signature_name: 'f' }, /"f" not found/],
    ['an empty text', { instances: [''] }, /Input 0: The text is empty/],
    ['no object', 7, /body/],
  ] as const)('refuses %s with 400', async ([, body, message]) => {
    const answer = await serval.post('/v1/models/tiny:predict', body as object);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(message) } });
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  test.for([
    ['/v1/models/nobody:predict', 404],
    ['/v1/models/tiny/versions/9:predict', 404],
    ['/v1/models/tiny/versions/x:predict', 400],
    ['/v1/models/tiny/labels/canary:predict', 404],
    ['/v1/models/tiny:explain', 404],
  ] as const)('%s is %i', async ([url, status]) => {
    const answer = await serval.post(url, { instances: ['good'] });
    expect(answer).toMatchObject({ status, body: { error: expect.any(String) } });
  });

  test('refuses more instances than the limit', async () => {
    const answer = await serval.post('/v1/models/tiny:predict', { instances: ['a', 'b', 'c', 'd', 'e'] });
    expect(answer).toMatchObject({ status: 413, body: { error: expect.stringContaining('4 are allowed') } });
  });
});

describe('classify', () => {
  test('gives pairs of label and score, descending', async () => {
    const { body } = await serval.post('/v1/models/tiny:classify', { examples: [{ text: 'good film' }] });
    const { predictions } = await serval.predict({ model: 'tiny', inputs: 'good film' });
    expect(body).toEqual({
      results: predictions.map(({ scores }) => scores.map(({ label, score }) => [label, score])),
    });
  });

  test('takes what examples share from the context', async () => {
    const shared = { context: { text: ['good film'] }, examples: [{}, {}] };
    const { body } = await serval.post('/v1/models/tiny:classify', shared);
    expect((body as { results: unknown[] }).results).toHaveLength(2);
    const twice = await serval.post('/v1/models/tiny:classify', { ...shared, examples: [{ text: 'bad' }] });
    expect(twice).toMatchObject({ status: 400, body: { error: expect.stringContaining('"context"') } });
  });
});

describe('what the server tells of its models', () => {
  test('the status of all versions, KServe’s ready beside it', async () => {
    const { body } = await serval.get('/v1/models/tiny');
    const good = { state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } };
    expect(body).toMatchObject({
      name: 'tiny',
      ready: true,
      model_version_status: [
        { version: '1', ...good },
        { version: '2', ...good },
        {
          version: '3',
          state: 'END',
          status: { error_code: 'UNKNOWN', error_message: expect.stringMatching(/id2label/) },
        },
      ],
    });
  });

  test('the status of one version', async () => {
    expect((await serval.get('/v1/models/tiny/versions/3')).body).toMatchObject({ ready: false });
    expect((await serval.get('/v1/models/tiny/labels/stable')).body).toMatchObject({
      model_version_status: [{ version: '2' }],
    });
    expect((await serval.get('/v1/models/tiny/versions/9')).status).toBe(404);
  });

  test('metadata has the signature', async () => {
    const { body } = await serval.get('/v1/models/colours/metadata');
    expect(body).toMatchObject({ model_spec: { name: 'colours', version: '1' } });
    expect(JSON.stringify(body)).toContain('"image":{"dtype":"DT_STRING"');
  });

  test('KServe’s list and sign of life', async () => {
    expect((await serval.get('/v1/models')).body).toEqual({ models: ['colours', 'tiny'] });
    expect((await serval.get('/')).body).toEqual({ status: 'alive' });
  });

  test('a name that no model can have is not found', async () => {
    expect((await serval.get('/v1/models/%3Atiny/versions/1/metadata')).status).toBe(404);
  });

  test('a wrong method is told', async () => {
    const answer = await serval.get('/v1/models/tiny:predict');
    expect(answer).toMatchObject({ status: 405, body: { error: expect.stringContaining('takes POST') } });
  });
});

describe('the bare graph of a model', () => {
  // [CLS] good film [SEP], see WORDS: the logits are the sums of the words' rows.
  const instance = { input_ids: [2, 5, 7, 3], attention_mask: [1, 1, 1, 1] };

  test('takes rows of its inputs', async () => {
    const { status, body } = await serval.post('/v1/models/tiny.graph:predict', { instances: [instance, instance] });
    expect(status).toBe(200);
    expect(body).toEqual({
      predictions: [
        [-1, 0.25, 1.5],
        [-1, 0.25, 1.5],
      ],
    });
  });

  test('takes columns of its inputs', async () => {
    const inputs = { input_ids: [[2, 5, 7, 3]], attention_mask: [[1, 1, 1, 0]] };
    const { body } = await serval.post('/v1/models/tiny.graph/versions/2:predict', { inputs });
    expect(body).toEqual({ outputs: [[-1, 0.25, 1.5]] });
  });

  test('has metadata and a status', async () => {
    const { body } = await serval.get('/v1/models/tiny.graph/metadata');
    expect(JSON.stringify(body)).toContain('"input_ids":{"dtype":"DT_INT64","tensor_shape":{"dim":[{"size":"-1"');
    expect((await serval.get('/v1/models/tiny.graph')).body).toMatchObject({ name: 'tiny.graph', ready: true });
  });

  test.for([
    ['a missing input', { instances: [{ input_ids: [2] }] }, /"attention_mask" is in 0 of 1 instances/],
    ['an unknown one', { inputs: { input_ids: [[2]], attention_mask: [[1]], x: [1] } }, /no input "x"/],
    [
      'a prototype',
      JSON.parse('{"instances": [{"input_ids": [2], "attention_mask": [1], "__proto__": [1]}]}'),
      /__proto__/,
    ],
    ['no names', { instances: [[2]] }, /Instance 0: the graph has several inputs; name them/],
    [
      'a text',
      { inputs: { input_ids: [['good']], attention_mask: [[1]] } },
      /"input_ids" holds a value that is no INT64/,
    ],
    ['ragged rows', { instances: [instance, { ...instance, input_ids: [2] }] }, /"input_ids" is ragged/],
    [
      'another rank',
      { inputs: { input_ids: [2], attention_mask: [1] } },
      /"input_ids" is nested 1 deep, the graph takes 2 axes/,
    ],
    ['lengths that differ', { inputs: { input_ids: [[2, 3]], attention_mask: [[1]] } }, /"attention_mask" has 1 along/],
    ['an empty axis', { inputs: { input_ids: [[]], attention_mask: [[]] } }, /empty dimension/],
  ] as const)('refuses %s with 400, naming it', async ([, body, message]) => {
    const answer = await serval.post('/v1/models/tiny.graph:predict', body);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(message) } });
  });

  test('has no labels', async () => {
    const answer = await serval.post('/v1/models/tiny.graph:classify', { examples: [{ text: 'good' }] });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining('no labels') } });
  });
});

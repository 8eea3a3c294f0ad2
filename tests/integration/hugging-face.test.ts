import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeImageModel } from '../fixtures/image-model.ts';
import { pngFile } from '../fixtures/png-file.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

// The real clients speak to the bundled models in tests/clients; here is what they do not send.

const PICTURE = pngFile({ width: 8, height: 8, pixels: new Uint8Array(8 * 8 * 3).fill(200) });

let models: string;
let serval: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'));
  await writeImageModel(path.join(models, 'colours'));
  serval = await startServal({ models, settings: { WORKERS: 1, MAX_INPUTS: 4, MAX_IMAGE_BODY_BYTES: 200_000 } });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

async function post(model: string, body: string | Uint8Array, type?: string) {
  const response = await fetch(`${serval.url}/hf/models/${model}`, {
    method: 'POST',
    // A Blob without a type makes fetch send none, as the clients do.
    body: new Blob([new Uint8Array(Buffer.from(body))]),
    ...(type === undefined ? {} : { headers: { 'content-type': type } }),
  });
  return { status: response.status, body: (await response.json()) as unknown, headers: response.headers };
}

async function ownScores(body: object) {
  const { predictions } = await serval.predict(body as never);
  return predictions.map(({ scores }) => scores);
}

test('a text gives a list of one ranked list, with the scores of POST /predict', async () => {
  const { status, body } = await post('tiny', JSON.stringify({ inputs: 'good film' }), 'application/json');
  expect(status).toBe(200);
  expect(body).toEqual(await ownScores({ model: 'tiny', inputs: 'good film' }));
});

test('several texts give a list each, cut at top_k', async () => {
  const asked = { inputs: ['good', 'bad'], parameters: { top_k: 1 }, options: { wait_for_model: true } };
  const { body } = await post('tiny', JSON.stringify(asked), 'application/json');
  expect(body).toEqual(await ownScores({ model: 'tiny', inputs: ['good', 'bad'], parameters: { top_k: 1 } }));
});

test.for([undefined, 'application/octet-stream', 'image/png', 'image/gif', 'application/x-www-form-urlencoded'])(
  'a picture of type %s gives one flat list',
  async (type) => {
    const { status, body } = await post('colours', PICTURE, type);
    expect(status).toBe(200);
    expect([body]).toEqual(await ownScores({ model: 'colours', inputs: { image: PICTURE.toString('base64') } }));
  },
);

test('a picture as base64 gives one flat list, and a list of them a list each', async () => {
  const image = PICTURE.toString('base64');
  const own = await ownScores({ model: 'colours', inputs: { image } });
  const one = await post('colours', JSON.stringify({ inputs: image, parameters: {} }), 'application/json');
  const two = await post('colours', JSON.stringify({ inputs: [image, image] }), 'application/json');
  expect([one.body]).toEqual(own);
  expect(two.body).toEqual([...own, ...own]);
});

test('JSON is read whatever type it came under, as curl -d sends it', async () => {
  const { status } = await post('tiny', '{"inputs": "good"}', 'application/x-www-form-urlencoded');
  expect(status).toBe(200);
});

test.for([
  ['an unknown model', 'nobody', '{"inputs": "good"}', 404, /No model is called "nobody"/],
  ['no JSON', 'tiny', '{"inputs": ', 400, /not valid JSON/],
  ['a number', 'tiny', '{"inputs": 7}', 400, /body\.inputs/],
  ['an empty text', 'tiny', '{"inputs": ""}', 422, /empty/],
  ['a wrong parameter', 'tiny', '{"inputs": "good", "parameters": {"top_k": 0}}', 400, /top_k/],
  ['too many texts', 'tiny', '{"inputs": ["a", "b", "c", "d", "e"]}', 413, /4 are allowed/],
  ['a picture for a text model', 'tiny', PICTURE, 422, /takes text/],
  ['no picture', 'colours', 'hello', 415, /not a JPEG, PNG or WebP/],
  ['an address', 'colours', '{"inputs": "https://example.org/cat.png"}', 422, /not fetched/],
  ['a large file', 'colours', new Uint8Array(200_001), 413, /more than 200000 bytes/],
] as const)('%s is told in `error`', async ([, model, sent, status, message]) => {
  const answer = await post(model, sent);
  expect(answer).toMatchObject({ status, body: { error: expect.stringMatching(message) } });
  expect(Object.keys(answer.body as object)).toEqual(['error']);
  expect(answer.headers.get('content-type')).toBe('application/json');
});

test('other routes take JSON and pictures as before', async () => {
  const response = await fetch(`${serval.url}/predict`, { method: 'POST', body: new Blob([PICTURE]) });
  expect(response.status).toBe(415);
});

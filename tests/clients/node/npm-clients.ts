import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, test } from 'node:test';

/** npm's clients; `npm run test:clients` installs them, and says where they and the server are. */

const { SERVAL_URL: url = '', SERVAL_NPM: folder = '' } = process.env;
const load = createRequire(path.join(folder, 'package.json'));
const { InferenceClient } = load('@huggingface/inference') as HuggingFace;
const axios = load('axios') as Axios;

interface Ranked {
  readonly label: string;
  readonly score: number;
}

interface HuggingFace {
  readonly InferenceClient: new () => {
    endpoint(address: string): {
      textClassification(asked: object): Promise<Ranked[]>;
      imageClassification(asked: object): Promise<Ranked[]>;
    };
  };
}

interface Axios {
  post(
    address: string,
    body: object,
  ): Promise<{ data: { predictions: { label: string; score: number }[] | number[][] } }>;
}

const TEXTS = ['A wonderful, moving film.', 'It broke after two days.', 'The parcel arrived on Tuesday.'];
const PHOTOGRAPH = 'models/imagenet/1/golden/coffee.jpg';

async function own(model: string, inputs: unknown): Promise<Ranked[][]> {
  const response = await fetch(`${url}/models/${model}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs }),
  });
  const { predictions } = (await response.json()) as { predictions: { scores: Ranked[] }[] };
  return predictions.map(({ scores }) => scores);
}

describe('@huggingface/inference', () => {
  const endpoint = (model: string) => new InferenceClient().endpoint(`${url}/hf/models/${model}`);

  test('classifies texts', async () => {
    for (const inputs of TEXTS) {
      assert.deepEqual([await endpoint('sentiment').textClassification({ inputs })], await own('sentiment', inputs));
    }
  });

  test('sends parameters', async () => {
    const ranked = await endpoint('sentiment').textClassification({ inputs: TEXTS[0], parameters: { top_k: 1 } });
    assert.equal(ranked.length, 1);
    assert.equal(ranked[0]?.label, 'positive');
  });

  test('classifies pictures, with a type and without', async () => {
    const expected = await own('imagenet', { image: (await readFile(PHOTOGRAPH)).toString('base64') });
    for (const type of ['', 'image/jpeg']) {
      const inputs = await openAsBlob(PHOTOGRAPH, { type });
      assert.deepEqual([await endpoint('imagenet').imageClassification({ inputs })], expected);
    }
  });

  test('an error has the server’s message', async () => {
    const asked = endpoint('nobody').textClassification({ inputs: 'good' });
    await assert.rejects(asked, /No model is called "nobody"/);
  });
});

describe('axios, as TensorFlow Serving’s tutorials use it', () => {
  test('predicts texts', async () => {
    const { data } = await axios.post(`${url}/v1/models/sentiment:predict`, { instances: TEXTS });
    const expected = (await own('sentiment', TEXTS)).map(([best]) => ({ label: best?.label, score: best?.score }));
    const found = (data.predictions as Ranked[]).map(({ label, score }) => ({ label, score }));
    assert.deepEqual(found, expected);
  });

  test('predicts rows of raw tensors', async () => {
    const instances = [Array.from({ length: 10 }, (_, at) => at / 10)];
    const { data } = await axios.post(`${url}/v1/models/regression-mlp:predict`, { instances });
    assert.equal((data.predictions as number[][])[0]?.length, 1);
  });

  test('an error has the server’s message', async () => {
    await assert.rejects(axios.post(`${url}/v1/models/sentiment:predict`, { instances: [7] }), (error: unknown) => {
      const { response } = error as { response: { status: number; data: { error: string } } };
      return response.status === 400 && response.data.error.includes('Input 0');
    });
  });
});

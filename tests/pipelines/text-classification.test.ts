import path from 'node:path';
import { expect, test } from 'vitest';
import type { PredictOptions } from '../../src/pipelines/pipeline.ts';
import { TextClassification } from '../../src/pipelines/text-classification.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { type FolderOptions, readTextModel, writeTextModel } from '../fixtures/text-model.ts';

const OPTIONS: PredictOptions = { topK: 5, functionToApply: null, truncate: true };

async function pipeline(options: FolderOptions = {}): Promise<TextClassification> {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'), options);
  return new TextClassification(await readTextModel(root));
}

function logits(...values: number[]) {
  return { logits: { dataType: 'float32' as const, shape: [values.length], data: Float32Array.from(values) } };
}

test('scores come best first, each with its label', async () => {
  const { label, score, scores } = (await pipeline()).decode(logits(0, 3, 1), OPTIONS);
  expect(scores.map((entry) => entry.label)).toEqual(['neutral', 'positive', 'negative']);
  expect({ label, score }).toEqual(scores[0]);
});

test('top_k cuts the scores and does not change them', async () => {
  const text = await pipeline();
  const all = text.decode(logits(0, 3, 1), OPTIONS);
  expect(text.decode(logits(0, 3, 1), { ...OPTIONS, topK: 1 }).scores).toEqual(all.scores.slice(0, 1));
});

test('the request’s function goes before the model’s own', async () => {
  const prediction = (await pipeline()).decode(logits(0, 3, 1), { ...OPTIONS, functionToApply: 'none' });
  expect(prediction.score).toBe(3);
});

test.each(['', ' ', '\n\t'])('the empty text %j is refused', async (text) => {
  const model = await pipeline();
  expect(() => model.encode({ kind: 'text', text }, OPTIONS)).toThrow(
    expect.objectContaining({ code: 'SERVAL_EMPTY_INPUT' }),
  );
});

test('a text over the model’s limit is cut, and says so', async () => {
  const model = await pipeline({ tokenizerConfig: { model_max_length: 5 } });
  const encoded = model.encode({ kind: 'text', text: 'good bad fine film' }, OPTIONS);
  expect(encoded).toMatchObject({ tokens: 5, truncated: true });
});

test('a text over the model’s limit is refused where the cut is not wanted', async () => {
  const model = await pipeline({ tokenizerConfig: { model_max_length: 5 } });
  const encode = () => model.encode({ kind: 'text', text: 'good bad fine film' }, { ...OPTIONS, truncate: false });
  expect(encode).toThrow(
    expect.objectContaining({ code: 'SERVAL_TEXT_TOO_LONG', details: { tokens: 6, maxTokens: 5 } }),
  );
});

test.each(['sigmoid'] as const)('a graph that ends in softmax cannot give %s', async (functionToApply) => {
  const model = await pipeline({ graph: { ending: 'Softmax' } });
  expect(() => model.checkOptions({ ...OPTIONS, functionToApply })).toThrow(
    expect.objectContaining({ code: 'SERVAL_FUNCTION_TO_APPLY' }),
  );
});

test.each([null, 'softmax', 'none'] as const)('a graph that ends in softmax can give %s', async (functionToApply) => {
  const model = await pipeline({ graph: { ending: 'Softmax' } });
  expect(() => model.checkOptions({ ...OPTIONS, functionToApply })).not.toThrow();
});

test.each([
  ['NaN', [Number.NaN, 0, 0]],
  ['infinity', [Number.POSITIVE_INFINITY, 0, 0]],
  ['too few numbers', [1, 2]],
])('a graph that gives %s is never answered with', async (_, values) => {
  const model = await pipeline();
  expect(() => model.decode(logits(...values), OPTIONS)).toThrow(
    expect.objectContaining({ code: 'SERVAL_RUN_FAILED' }),
  );
});

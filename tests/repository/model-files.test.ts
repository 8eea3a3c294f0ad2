import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readVersionFolder } from '../../src/repository/model-files.ts';
import { FolderError } from '../../src/repository/problems.ts';
import { type ElementType, float32Bytes, onnxFile, type ValueInfo } from '../fixtures/onnx-file.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import {
  CONFIG,
  type FolderOptions,
  goldenFile,
  readTextModel,
  textGraph,
  writeFiles,
  writeTextModel,
} from '../fixtures/text-model.ts';

/** Writes a version's folder and reads it. */
async function read(options: FolderOptions = {}) {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'), options);
  return readTextModel(root);
}

async function problemsOf(root: string): Promise<readonly string[]> {
  try {
    await readVersionFolder({ root, folder: path.join(root, 'tiny', '1'), model: 'tiny', version: 1 });
  } catch (error) {
    if (error instanceof FolderError) return error.problems;
    throw error;
  }
  return [];
}

async function problemsWith(options: FolderOptions): Promise<readonly string[]> {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'), options);
  return problemsOf(root);
}

test('a Hugging Face export is read without any file of our own', async () => {
  const manifest = await read();
  expect(manifest).toMatchObject({ model: 'tiny', version: 1, task: 'text-classification', golden: null });
  expect(manifest.classification).toMatchObject({ labels: ['negative', 'neutral', 'positive'], activation: 'softmax' });
  expect(manifest.text).toMatchObject({ maxTokens: 64, padId: 0, fixedLength: null });
});

test.each(['onnx/model.onnx', 'model_quantized.onnx', 'onnx/model_quantized.onnx'])(
  'the graph is found where exporters put it: %s',
  async (modelFile) => {
    const manifest = await read({ modelFile });
    expect(path.relative(manifest.folder, manifest.modelFile)).toBe(path.normalize(modelFile));
  },
);

test('serval.json may name the model file', async () => {
  const manifest = await read({
    modelFile: 'weights/best.onnx',
    files: { 'serval.json': { model_file: 'weights/best.onnx' } },
  });
  expect(path.basename(manifest.modelFile)).toBe('best.onnx');
});

test('optional inputs are only those that the graph asks for', async () => {
  const without = await read({ graph: { attentionMask: false } });
  expect(without.text.inputNames).toEqual({ ids: 'input_ids', attentionMask: null, tokenTypeIds: null });
  const all = await read({ graph: { tokenTypeIds: true } });
  expect(all.text.inputNames).toEqual({
    ids: 'input_ids',
    attentionMask: 'attention_mask',
    tokenTypeIds: 'token_type_ids',
  });
});

test('provenance tells what serval.json says', async () => {
  const manifest = await read({
    files: { 'serval.json': { licence: 'MIT', source: 'here', metrics: { accuracy: 0.5 } } },
  });
  expect(manifest.provenance).toMatchObject({ licence: 'MIT', source: 'here', metrics: { accuracy: 0.5 } });
});

test('labels without a name are Hugging Face’s LABEL_n', async () => {
  const manifest = await read({ config: { model_type: 'bert' } });
  expect(manifest.classification.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
});

test('multi-label models use the sigmoid', async () => {
  const manifest = await read({ config: { ...CONFIG, problem_type: 'multi_label_classification' } });
  expect(manifest.classification.activation).toBe('sigmoid');
});

test('regression models use no function', async () => {
  const manifest = await read({ config: { ...CONFIG, problem_type: 'regression' } });
  expect(manifest.classification.activation).toBe('none');
});

test('a graph with one logit and two labels uses the sigmoid', async () => {
  const manifest = await read({ graph: { labels: 1 }, config: { id2label: { 0: 'no', 1: 'yes' } } });
  expect(manifest.classification).toMatchObject({ activation: 'sigmoid', labels: ['no', 'yes'] });
});

test('a graph that ends in softmax is not given another', async () => {
  const manifest = await read({ graph: { ending: 'Softmax' } });
  expect(manifest.classification).toMatchObject({ activation: 'none', graphActivation: 'softmax' });
});

test('the smallest of all limits is the limit of tokens', async () => {
  const manifest = await read({
    config: { ...CONFIG, max_position_embeddings: 40 },
    tokenizerConfig: { model_max_length: 32 },
  });
  expect(manifest.text.maxTokens).toBe(32);
});

test('a tokenizer’s “no limit” is no limit', async () => {
  const manifest = await read({ tokenizerConfig: { model_max_length: 1e30 } });
  expect(manifest.text.maxTokens).toBe(64);
});

test('RoBERTa’s first positions are not for tokens', async () => {
  const config = { ...CONFIG, model_type: 'roberta', max_position_embeddings: 34, pad_token_id: 1 };
  expect((await read({ config, tokenizerConfig: null })).text.maxTokens).toBe(32);
});

test('a graph’s fixed length limits the tokens', async () => {
  const manifest = await read({ graph: { fixedLength: 16 } });
  expect(manifest.text).toMatchObject({ maxTokens: 16, fixedLength: 16 });
});

test('golden samples keep their order, and serval.json’s tolerance goes before the file’s own', async () => {
  const files = { 'golden.json': goldenFile(['good film', 'bad'], 0.1), 'serval.json': { tolerance: 0.05 } };
  const { golden } = await read({ files });
  expect(golden?.tolerance).toBe(0.05);
  expect(golden?.samples.map(({ input }) => input)).toEqual([{ text: 'good film' }, { text: 'bad' }]);
});

test('all problems of a folder are reported at once, each with its file and field', async () => {
  const problems = await problemsWith({
    graph: { tokenTypeIds: true, idType: 'float32' },
    config: { ...CONFIG, problem_type: 'guessing' },
    files: {
      'tokenizer.json': '{"model": {}}',
      'serval.json': { temprature: 2, tolerance: 7 },
      'golden.json': { reference: 'r', tolerance: 0.1, samples: [] },
    },
  });
  const text = problems.join('\n');
  expect(text).toContain('config.json: problem_type: must be');
  expect(text).toContain('tokenizer.json: model.vocab: must be there');
  expect(text).toContain('temprature');
  expect(text).toContain('serval.json: tolerance:');
  expect(text).toContain('golden.json: samples:');
  expect(text).toContain('model.onnx: input_ids: a text model cannot fill this input: float32[batch, sequence]');
});

test('an empty folder says what it lacks', async () => {
  const root = await temporaryFolder();
  await writeFiles(path.join(root, 'tiny', '1'), { 'README.md': 'nothing here' });
  expect((await problemsOf(root)).join()).toMatch(/model\.onnx: is not there \(nor onnx\/model\.onnx/);
});

test('a text model without its tokenizer says who writes it', async () => {
  const root = await temporaryFolder();
  await writeFiles(path.join(root, 'tiny', '1'), { 'model.onnx': onnxFile(textGraph()), 'config.json': CONFIG });
  expect(await problemsOf(root)).toEqual([expect.stringMatching(/^tokenizer\.json: is not there/)]);
});

test('a file that is not JSON is named', async () => {
  expect(await problemsWith({ files: { 'config.json': '{' } })).toContain('config.json: is not valid JSON');
});

test('a file that is not a model is named', async () => {
  expect(await problemsWith({ files: { 'model.onnx': 'not a model' } })).toEqual([
    expect.stringMatching(/^model\.onnx: is not an ONNX model/),
  ]);
});

test('labels that do not fit the graph are a problem', async () => {
  expect(await problemsWith({ config: { id2label: { 0: 'a', 1: 'b' } } })).toEqual([
    'config.json: id2label: has 2 labels, the graph’s output has 3',
  ]);
});

test('label ids with a gap are a problem', async () => {
  expect(await problemsWith({ config: { id2label: { 0: 'a', 1: 'b', 3: 'c' } } })).toEqual([
    'config.json: id2label: has 3 labels but no id 2; ids must run from 0 without a gap',
  ]);
});

test('golden scores that do not fit the labels are a problem', async () => {
  const golden = { reference: 'r', tolerance: 0.1, samples: [{ input: 'good', scores: [0.5, 0.5] }] };
  expect(await problemsWith({ files: { 'golden.json': golden } })).toEqual([
    'golden.json: samples.0.scores: has 2 scores for 3 labels',
  ]);
});

test.each([
  ['no list', 'high', 'samples.0.scores: must be a list of numbers'],
  ['empty', [], 'samples.0.scores: must have a score for each label'],
  ['not all numbers', [0.5, '0.5'], 'samples.0.scores.1: must be a number'],
])('golden scores that are %s are told by their place', async (_name, scores, problem) => {
  const golden = { reference: 'r', tolerance: 0.1, samples: [{ input: 'good', scores }] };
  expect(await problemsWith({ files: { 'golden.json': golden } })).toEqual([`golden.json: ${problem}`]);
});

test('a model whose bytes are not those that serval.json names is refused', async () => {
  const problems = await problemsWith({ files: { 'serval.json': { sha256: { 'model.onnx': '0'.repeat(64) } } } });
  expect(problems).toEqual([
    expect.stringMatching(/^model\.onnx: its SHA-256 is [0-9a-f]{64}, serval\.json says 0{64}/),
  ]);
});

test('a model file that serval.json names must be there', async () => {
  expect(await problemsWith({ files: { 'serval.json': { model_file: 'other.onnx' } } })).toContain(
    'serval.json: model_file: other.onnx is not there',
  );
});

test('a model file outside of the version’s folder is refused', async () => {
  const problems = await problemsWith({ files: { 'serval.json': { model_file: '../../secret.onnx' } } });
  expect(problems).toContain('../../secret.onnx: must lie inside the version’s folder');
});

test('a link that leaves the models folder is refused', async () => {
  const root = await temporaryFolder();
  const outside = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'), { files: { 'config.json': CONFIG }, modelFile: 'other.onnx' });
  await writeFile(path.join(outside, 'model.onnx'), onnxFile(textGraph()));
  await symlink(path.join(outside, 'model.onnx'), path.join(root, 'tiny', '1', 'model.onnx'));
  expect(await problemsOf(root)).toContain(
    'model.onnx: is a link that leaves the models folder; copy the file instead',
  );
});

test('a version’s folder that is itself a link out of the models folder is refused', async () => {
  const root = await temporaryFolder();
  const outside = await temporaryFolder();
  await writeTextModel(outside);
  await symlink(outside, path.join(root, 'tiny'));
  const reading = readVersionFolder({ root, folder: path.join(root, 'tiny'), model: 'tiny', version: 1 });
  await expect(reading).rejects.toThrow(/leaves the models folder/);
});

test('a link inside the models folder is fine', async () => {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'));
  await symlink(path.join(root, 'tiny', '1'), path.join(root, 'tiny', '2'));
  await expect(readTextModel(root, 'tiny', 2)).resolves.toMatchObject({ version: 2 });
});

const WEIGHTS = textGraph().constants[0]?.values ?? [];

test('external weights beside the model are part of its hash and size', async () => {
  const graph = { externalFile: 'model.onnx_data' };
  const one = await read({ graph, files: { 'model.onnx_data': float32Bytes(WEIGHTS) } });
  const two = await read({ graph, files: { 'model.onnx_data': float32Bytes(WEIGHTS.map((weight) => -weight)) } });
  expect(one.provenance.sha256).not.toBe(two.provenance.sha256);
  expect(one.provenance.fileBytes).toBe(onnxFile(textGraph(graph)).byteLength + 4 * WEIGHTS.length);
});

test('external weights that are missing are a problem', async () => {
  expect(await problemsWith({ graph: { externalFile: 'model.onnx_data' } })).toContain(
    'model.onnx: its weights file model.onnx_data cannot be read from the version’s folder',
  );
});

test('external weights outside of the version’s folder are refused, even where the file is there', async () => {
  const root = await temporaryFolder();
  await writeTextModel(path.join(root, 'tiny', '1'), { graph: { externalFile: '../../weights.bin' } });
  await writeFile(path.join(root, 'weights.bin'), float32Bytes(WEIGHTS));
  expect(await problemsOf(root)).toContain('../../weights.bin: must lie inside the version’s folder');
});

/** `y = x`, of a type and a shape. */
function identityFile(type: ElementType, shape: ValueInfo['shape'], outputShape = shape): Uint8Array {
  return onnxFile({
    nodes: [{ operator: 'Identity', inputs: ['x'], outputs: ['y'] }],
    constants: [],
    inputs: [{ name: 'x', type, shape }],
    outputs: [{ name: 'y', type, shape: outputShape }],
  });
}

describe('a graph with no other file', () => {
  async function readFiles(files: Readonly<Record<string, object | Uint8Array>>) {
    const root = await temporaryFolder();
    const folder = path.join(root, 'bare');
    await writeFiles(folder, files);
    return readVersionFolder({ root, folder, model: 'bare', version: 1 });
  }

  test.each(['model.onnx', 'regression-mlp.onnx'])('is a model of raw tensors: %s', async (file) => {
    const manifest = await readFiles({ [file]: identityFile('float64', ['batch', 3]) });
    expect(manifest).toMatchObject({
      task: 'tensor',
      batching: 'auto',
      inputs: [{ name: 'x', dataType: 'float64', shape: ['batch', 3] }],
      golden: null,
    });
  });

  test('takes batches only where all tensors share an open first axis', async () => {
    const fixed = await readFiles({ 'model.onnx': identityFile('float32', [1, 3]) });
    const apart = await readFiles({ 'model.onnx': identityFile('float32', ['batch', 3], ['rows', 3]) });
    const scalar = await readFiles({ 'model.onnx': identityFile('float32', []) });
    for (const manifest of [fixed, apart, scalar]) expect(manifest).toMatchObject({ task: 'tensor', batching: 'off' });
  });

  test('is so as well where serval.json says so beside other files', async () => {
    const manifest = await readFiles({
      'model.onnx': identityFile('int8', ['batch']),
      'config.json': CONFIG,
      'serval.json': { task: 'tensor' },
    });
    expect(manifest.task).toBe('tensor');
  });

  test('cannot have golden samples', async () => {
    const files = { 'model.onnx': identityFile('int8', ['batch']), 'golden.json': goldenFile(['good']) };
    await expect(readFiles(files)).rejects.toThrow('golden.json: a bare graph has no labels');
  });

  test('two of them are one too many', async () => {
    const file = identityFile('int8', ['batch']);
    await expect(readFiles({ 'a.onnx': file, 'b.onnx': file })).rejects.toThrow('model.onnx: is not there');
  });
});

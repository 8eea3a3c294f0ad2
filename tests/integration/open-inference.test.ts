import path from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DATATYPE_NAMES, type DataType, elementCount } from '../../src/tensor.ts';
import { binaryBody, bytesElements, type InferBody, sendInfer } from '../fixtures/infer-body.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { DATA_TYPES, identityName, someBytes, writeIdentityModels } from '../fixtures/tensor-models.ts';
import { expectedScores, ID, LABELS, writeTextModel } from '../fixtures/text-model.ts';

let folder: string;
let serval: ServalProcess;

beforeAll(async () => {
  folder = await makeFolder();
  await writeTextModel(path.join(folder, 'tiny'));
  await writeTextModel(path.join(folder, 'slow'), { graph: { slowness: 6 } });
  await writeIdentityModels(folder);
  serval = await startServal({ models: folder, settings: { MAX_TENSOR_BODY_BYTES: 8_000_000 } });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(folder);
});

const inferUrl = (model: string) => `${serval.url}/v2/models/${model}/infer`;
const inferJson = (model: string, body: object | string, headers: Record<string, string> = {}) =>
  serval.post(`/v2/models/${model}/infer`, body, { headers });
const NUMERIC = DATA_TYPES.filter((type): type is Exclude<DataType, 'string'> => type !== 'string');
const SHAPES = [[7], [3, 5], [2, 3, 4], [2, 1, 3, 5]];

describe('tensors come back bit for bit', () => {
  test.each(NUMERIC)('%s as bytes, of one to four axes', async (type) => {
    for (const shape of SHAPES) {
      const bytes = someBytes(type, elementCount(shape));
      const input = { name: 'x', datatype: DATATYPE_NAMES[type], shape, bytes };
      const { status, json, binary } = await sendInfer(inferUrl(identityName(type, shape.length)), binaryBody([input]));
      expect(status).toBe(200);
      expect(json.outputs).toEqual([
        { name: 'y', datatype: input.datatype, shape, parameters: { binary_data_size: bytes.byteLength } },
      ]);
      expect(binary.equals(bytes)).toBe(true);
    }
  });

  test.each<[DataType, unknown[]]>([
    ['bool', [true, false, true]],
    ['int8', [-128, 0, 127]],
    ['int16', [-32768, 1, 32767]],
    ['int32', [-2147483648, 1, 2147483647]],
    ['uint8', [0, 1, 255]],
    ['uint16', [0, 1, 65535]],
    ['uint32', [0, 1, 4294967295]],
    ['float16', [0.5, -65504, 2 ** -24]],
    ['float32', [0.1, -3.4e38, 1e-45]],
    ['float64', [0.1, -1.7976931348623157e308, 5e-324]],
    ['string', ['', 'abc', 'ü€😀 "\n']],
  ])('%s as JSON, flat or nested', async (type, data) => {
    const datatype = DATATYPE_NAMES[type];
    const flat = await inferJson(identityName(type, 1), { inputs: [{ name: 'x', datatype, shape: [3], data }] });
    expect(flat.status).toBe(200);
    const [output] = (flat.body as { outputs: [{ data: number[] }] }).outputs;
    const read = type === 'float32' ? Array.from(Float32Array.from(output.data)) : output.data;
    expect(read).toEqual(type === 'float32' ? Array.from(Float32Array.from(data as number[])) : data);
    const nested = await inferJson(identityName(type, 2), {
      inputs: [{ name: 'x', datatype, shape: [1, 3], data: [data] }],
    });
    expect(nested.body).toMatchObject({ outputs: [{ shape: [1, 3], data: output.data }] });
  });

  test.each([
    ['int64', '[-9223372036854775808,9007199254740993,9223372036854775807]'],
    ['uint64', '[0,9007199254740993,18446744073709551615]'],
  ] as const)('%s as JSON, beyond what a double holds', async (type, data) => {
    const body = `{"inputs":[{"name":"x","datatype":"${DATATYPE_NAMES[type]}","shape":[3],"data":${data}}]}`;
    const response = await fetch(inferUrl(identityName(type, 1)), { method: 'POST', body });
    expect(await response.text()).toContain(`"data":${data}`);
  });

  test('a negative zero stays one in JSON', async () => {
    const body = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[-0.0]}]}';
    const response = await fetch(inferUrl('identity-float32-1'), { method: 'POST', body });
    expect(await response.text()).toContain('"data":[-0.0]');
  });

  test('BYTES, of no length as well', async () => {
    const bytes = bytesElements('', 'abc', 'ü€');
    const answer = await sendInfer(
      inferUrl('identity-string-1'),
      binaryBody([{ name: 'x', datatype: 'BYTES', shape: [3], bytes }]),
    );
    expect(answer.binary.equals(bytes)).toBe(true);
  });

  test('long JSON, which a thread reads and writes', async () => {
    const data = Array.from({ length: 200_000 }, (_, at) => at / 7);
    const answer = await inferJson('identity-float64-1', {
      inputs: [{ name: 'x', datatype: 'FP64', shape: [data.length], data }],
    });
    expect((answer.body as { outputs: [{ data: number[] }] }).outputs[0].data).toEqual(data);
  });
});

describe('compressed bodies', () => {
  const json = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }] });
  const send = (body: Buffer, encoding: string) =>
    fetch(inferUrl('identity-float32-1'), {
      method: 'POST',
      headers: { 'content-encoding': encoding },
      body: new Uint8Array(body),
    });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('%s', async (encoding, compress) => {
    const response = await send(compress(json), encoding);
    expect(await response.json()).toMatchObject({ outputs: [{ data: [1, 2] }] });
  });

  test('the limit is on what comes out', async () => {
    const bomb = gzipSync(Buffer.alloc(100_000_000));
    const response = await send(bomb, 'gzip');
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ error: expect.stringContaining('more than') });
  });

  test('what is not what it says, and what is not known', async () => {
    const damaged = await send(Buffer.from('not gzip'), 'gzip');
    expect(damaged.status).toBe(400);
    expect(await damaged.json()).toEqual({ error: expect.stringContaining('Content-Encoding') });
    expect((await send(gzipSync(json).subarray(0, 20), 'gzip')).status).toBe(400);
    expect((await send(Buffer.from(json), 'br')).status).toBe(415);
  });
});

describe('a model with a pipeline', () => {
  const texts = ['good film', 'bad'];
  const request = { id: 'mine', inputs: [{ name: 'text', datatype: 'BYTES', shape: [2], data: texts }] };

  test('is listed with its graph, each with its own tensors', async () => {
    expect((await serval.get('/v2/models/tiny')).body).toEqual({
      name: 'tiny',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'text', datatype: 'BYTES', shape: [-1] }],
      outputs: [
        { name: 'label', datatype: 'BYTES', shape: [-1] },
        { name: 'score', datatype: 'FP32', shape: [-1] },
        { name: 'scores', datatype: 'FP32', shape: [-1, 3] },
      ],
    });
    expect((await serval.get('/v2/models/tiny.graph/versions/1')).body).toMatchObject({
      inputs: [
        { name: 'input_ids', datatype: 'INT64', shape: [-1, -1] },
        { name: 'attention_mask', datatype: 'INT64', shape: [-1, -1] },
      ],
      outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 3] }],
    });
  });

  test('gives the scores of POST /predict', async () => {
    const own = await serval.predict({ model: 'tiny', inputs: texts });
    const { body } = await inferJson('tiny', request);
    const scores = texts.flatMap(expectedScores).map(Math.fround);
    expect(body).toMatchObject({
      id: 'mine',
      model_name: 'tiny',
      model_version: '1',
      outputs: [
        { name: 'label', datatype: 'BYTES', shape: [2], data: ['positive', 'negative'] },
        { name: 'score', datatype: 'FP32', shape: [2], data: own.predictions.map(({ score }) => Math.fround(score)) },
        { name: 'scores', datatype: 'FP32', shape: [2, 3], data: scores.map((score) => expect.closeTo(score, 5)) },
      ],
    });
  });

  test('gives the outputs asked for, and the best classes as texts', async () => {
    const outputs = [{ name: 'scores', parameters: { classification: 2 } }];
    const { body } = await inferJson('tiny', { ...request, outputs });
    const [{ data, shape }] = (body as { outputs: [{ data: string[]; shape: number[] }] }).outputs;
    expect(shape).toEqual([2, 2]);
    const [score, index, label] = (data[0] ?? '').split(':');
    expect(Number(score)).toBeCloseTo(expectedScores('good film')[2] ?? 0, 6);
    expect([index, label]).toEqual(['2', LABELS[2]]);
  });

  test('gives its graph’s logits for ids', async () => {
    const ids = BigInt64Array.from([ID['[CLS]'], ID.good, ID['[SEP]']].map((id) => BigInt(id ?? 0)));
    const bytes = new Uint8Array(ids.buffer);
    const mask = new Uint8Array(BigInt64Array.of(1n, 1n, 1n).buffer);
    const answer = await sendInfer(
      inferUrl('tiny.graph'),
      binaryBody([
        { name: 'input_ids', datatype: 'INT64', shape: [1, 3], bytes },
        { name: 'attention_mask', datatype: 'INT64', shape: [1, 3], bytes: mask },
      ]),
    );
    expect(new Float32Array(new Uint8Array(answer.binary).buffer)).toEqual(Float32Array.of(-1, 0, 1.5));
  });

  test('refuses bytes that are no text, and no text at all', async () => {
    const bytes = bytesElements('good', Uint8Array.of(0xff, 0xfe));
    const answer = await sendInfer(
      inferUrl('tiny'),
      binaryBody([{ name: 'text', datatype: 'BYTES', shape: [2], bytes }]),
    );
    expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining('"text", element 1') } });
    const empty = await sendInfer(
      inferUrl('tiny'),
      binaryBody([{ name: 'text', datatype: 'BYTES', shape: [1], bytes: bytesElements('') }]),
    );
    expect(empty.status).toBe(422);
  });
});

describe('refuses, and names the tensor', () => {
  const bytes = Buffer.alloc(8);
  const input = { name: 'x', datatype: 'FP32', shape: [2], bytes };

  test.each<[string, () => InferBody, string]>([
    ['another name', () => binaryBody([{ ...input, name: 'q' }]), 'no input "q"'],
    ['a missing input', () => binaryBody([]), '"x" is missing'],
    ['an input given twice', () => binaryBody([input, input]), '"x" is given twice'],
    ['another datatype', () => binaryBody([{ ...input, datatype: 'INT32' }]), '"x" has datatype INT32'],
    ['a datatype that is none', () => binaryBody([{ ...input, datatype: 'FP33' }]), '"x" has datatype "FP33"'],
    ['an empty dimension', () => binaryBody([{ ...input, shape: [0], bytes: Buffer.alloc(0) }]), 'an empty dimension'],
    ['a negative dimension', () => binaryBody([{ ...input, shape: [-2] }]), '"x": the shape'],
    ['a shape beyond counting', () => binaryBody([{ ...input, shape: [2 ** 40, 2 ** 40] }]), '"x": the shape'],
    ['more axes', () => binaryBody([{ ...input, shape: [1, 2] }]), '"x" has shape [1, 2], the graph takes [-1]'],
    [
      'bytes that do not add up',
      () => binaryBody([{ ...input, shape: [3] }]),
      '"x" has 8 bytes, shape [3] of FP32 needs 12',
    ],
    ['an unknown output', () => binaryBody([input], { outputs: [{ name: 'z' }] }), 'no output "z"'],
  ])('%s', async (_, body, message) => {
    const answer = await sendInfer(inferUrl('identity-float32-1'), body());
    expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining(message) } });
  });

  test('a body that is cut short, and one that is too long', async () => {
    const whole = binaryBody([input]);
    const short = await sendInfer(inferUrl('identity-float32-1'), { ...whole, body: whole.body.subarray(0, -3) });
    expect(short).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('"x" has binary_data_size 8') },
    });
    const long = await sendInfer(inferUrl('identity-float32-1'), {
      ...whole,
      body: Buffer.concat([whole.body, bytes]),
    });
    expect(long).toMatchObject({ status: 400, json: { error: expect.stringContaining('8 bytes behind the JSON') } });
  });

  test.each(['-1', 'x', '99999999', '1e2', '3'])('a length of the JSON that cannot be: %s', async (length) => {
    const { body } = binaryBody([input]);
    const answer = await sendInfer(inferUrl('identity-float32-1'), {
      body,
      headers: { 'inference-header-content-length': length },
    });
    expect(answer.status).toBe(400);
  });

  test('JSON that is none, and a body that is not there', async () => {
    expect((await inferJson('identity-float32-1', '{"inputs":')).status).toBe(400);
    expect((await fetch(inferUrl('identity-float32-1'), { method: 'POST' })).status).toBe(400);
  });

  test('values that the graph cannot run', async () => {
    const far = new Uint8Array(BigInt64Array.of(10_000n).buffer);
    const inputs = ['input_ids', 'attention_mask'].map((name) => ({
      name,
      datatype: 'INT64',
      shape: [1, 1],
      bytes: far,
    }));
    const answer = await sendInfer(inferUrl('tiny.graph'), binaryBody(inputs));
    expect(answer).toMatchObject({
      status: 422,
      json: { error: expect.stringContaining('cannot run on these values') },
    });
  });

  test('NaN where JSON is asked for', async () => {
    const nan = new Uint8Array(Float32Array.of(Number.NaN, 1).buffer);
    const answer = await sendInfer(inferUrl('identity-float32-1'), binaryBody([{ ...input, bytes: nan }], {}));
    expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining('"y" holds NaN') } });
  });
});

describe('the server and its models', () => {
  test('health and metadata', async () => {
    expect((await serval.get('/v2/health/live')).body).toEqual({ live: true });
    const ready = await serval.get('/v2/health/ready');
    expect(ready.body).toEqual({ ready: true });
    // KServe's client compares the whole header.
    expect(ready.headers.get('content-type')).toBe('application/json');
    expect((await serval.get('/v2')).body).toMatchObject({ name: 'serval', extensions: expect.any(Array) });
    expect((await serval.get('/v2/models/tiny/ready')).body).toEqual({ name: 'tiny', ready: true });
  });

  test('unknown models, versions and routes answer in the protocol’s shape', async () => {
    for (const path of [
      '/v2/models/none',
      '/v2/models/tiny/versions/9',
      '/v2/nothing',
      '/v2/models/identity-int8-1.graph',
    ]) {
      expect(await serval.get(path)).toMatchObject({ status: 404, body: { error: expect.any(String) } });
    }
  });

  test('the repository’s index has all, and only what is ready where asked', async () => {
    const index = await serval.post('/v2/repository/index', {});
    expect(index.body).toContainEqual({ name: 'tiny.graph', version: '1', state: 'READY', reason: '' });
    expect((await serval.post('/v2/repository/index', { ready: true })).body).toEqual(index.body);
    expect((await fetch(`${serval.url}/v2/repository/index`, { method: 'POST' })).status).toBe(200);
  });

  test('loading and unloading is not for everybody', async () => {
    for (const action of ['load', 'unload']) {
      expect((await serval.post(`/v2/repository/models/tiny/${action}`, {})).status).toBe(403);
    }
  });

  test('statistics count what ran, and what failed', async () => {
    type Stats = {
      model_stats: [{ inference_count: number; inference_stats: Record<string, { count: number; ns: number }> }];
    };
    const read = async () => ((await serval.get('/v2/models/identity-int16-1/stats')).body as Stats).model_stats[0];
    const before = await read();
    const inputs = [{ name: 'x', datatype: 'INT16', shape: [1], data: [1] }];
    await inferJson('identity-int16-1', { inputs });
    await inferJson('identity-int16-1', { inputs: [{ ...inputs[0], name: 'q' }] });
    const after = await read();
    expect(after.inference_count).toBe(before.inference_count + 1);
    expect(after.inference_stats.success?.count).toBe((before.inference_stats.success?.count ?? 0) + 1);
    expect(after.inference_stats.fail?.count).toBe((before.inference_stats.fail?.count ?? 0) + 1);
    expect(after.inference_stats.compute_infer?.ns).toBeGreaterThan(before.inference_stats.compute_infer?.ns ?? 0);
  });

  test('requests carry the protocol in the metrics', async () => {
    const series =
      'serval_requests_total{protocol="open-inference",method="POST",route="/v2/models/:model/infer",status="200",model="tiny",version="1"}';
    await expect.poll(() => serval.metric(series)).toBeGreaterThan(0);
  });
});

describe('a server with too much to do', () => {
  const request = { inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['good'] }] };

  test('a timeout in µs that passes is 504, in the protocol’s shape', async () => {
    const answer = await inferJson('slow', { ...request, parameters: { timeout: 2_000 } });
    // Where the cost is known already, the answer is that it cannot be in time.
    expect([429, 504]).toContain(answer.status);
    expect(answer.body).toEqual({ error: expect.any(String) });
  });

  test('overload is 429 with the time to come back', async () => {
    const settings = { MAX_QUEUE_ITEMS: 1, WORKERS: 1, SHARE_IDENTICAL: 'false' };
    const full = await startServal({ models: folder, settings });
    onTestFinished(() => full.kill());
    const answers = await Promise.all(Array.from({ length: 12 }, () => full.post('/v2/models/slow/infer', request)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, headers, body } of refused) {
      expect(status).toBe(429);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(body).toEqual({ error: expect.any(String) });
    }
  });
});

import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DATATYPE_NAMES, type DataType, elementCount } from '../../src/tensor.ts';
import { errorOf, GrpcClient, HEALTH, type Message } from '../fixtures/grpc-client.ts';
import { bytesElements } from '../fixtures/infer-body.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { DATA_TYPES, identityName, someBytes, writeIdentityModels } from '../fixtures/tensor-models.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const TOKEN = 'a-token-of-at-least-16';
const NUMERIC = DATA_TYPES.filter((type): type is Exclude<DataType, 'string'> => type !== 'string');
const SHAPES = [[7], [3, 5], [2, 3, 4], [2, 1, 3, 5]];

let folder: string;
let serval: ServalProcess;
let client: GrpcClient;

async function grpcPort(server: ServalProcess): Promise<number> {
  return Number((await server.whenLogged('listening for gRPC')).port);
}

beforeAll(async () => {
  folder = await makeFolder();
  await writeTextModel(path.join(folder, 'tiny'));
  await writeTextModel(path.join(folder, 'slow'), { graph: { slowness: 6 } });
  await writeIdentityModels(folder);
  serval = await startServal({ models: folder, settings: { GRPC_PORT: 0, ADMIN_TOKEN: TOKEN } });
  client = new GrpcClient(await grpcPort(serval));
});

afterAll(async () => {
  client?.close();
  await serval.kill();
  await removeFolder(folder);
});

const text = (...texts: string[]) => ({
  name: 'text',
  datatype: 'BYTES',
  shape: [texts.length],
  contents: { bytes_contents: texts.map((one) => Buffer.from(one)) },
});
const infer = (message: object, options = {}) => client.call('ModelInfer', message, options);

describe('tensors come back bit for bit', () => {
  test.each(NUMERIC)('%s raw, of one to four axes', async (type) => {
    for (const shape of SHAPES) {
      const bytes = someBytes(type, elementCount(shape));
      const answer = await infer({
        model_name: identityName(type, shape.length),
        inputs: [{ name: 'x', datatype: DATATYPE_NAMES[type], shape }],
        raw_input_contents: [bytes],
      });
      expect(answer.outputs).toMatchObject([{ name: 'y', datatype: DATATYPE_NAMES[type], shape: shape.map(String) }]);
      expect(bytes.equals(answer.raw_output_contents[0])).toBe(true);
    }
  });

  test.each<[DataType, string, unknown[]]>([
    ['bool', 'bool_contents', [true, false, true]],
    ['int8', 'int_contents', [-128, 0, 127]],
    ['int32', 'int_contents', [-2147483648, 0, 2147483647]],
    ['int64', 'int64_contents', ['-9223372036854775808', '9007199254740993', '9223372036854775807']],
    ['uint16', 'uint_contents', [0, 1, 65535]],
    ['uint64', 'uint64_contents', ['0', '9007199254740993', '18446744073709551615']],
    ['float32', 'fp32_contents', [0.5, Number.NaN, Number.NEGATIVE_INFINITY]],
    ['float64', 'fp64_contents', [0.1, -0, 5e-324]],
    ['string', 'bytes_contents', [Buffer.alloc(0), Buffer.from('abc'), Buffer.from('ü€')]],
  ])('%s in %s', async (type, field, values) => {
    const input = { name: 'x', datatype: DATATYPE_NAMES[type], shape: [3], contents: { [field]: values } };
    const answer = await infer({ model_name: identityName(type, 1), inputs: [input] });
    expect(answer.outputs[0].contents[field]).toEqual(values);
  });

  test('BYTES raw, of no length as well', async () => {
    const bytes = bytesElements('', 'abc', 'ü€');
    const inputs = [{ name: 'x', datatype: 'BYTES', shape: [3] }];
    const answer = await infer({ model_name: 'identity-string-1', inputs, raw_input_contents: [bytes] });
    expect(bytes.equals(answer.raw_output_contents[0])).toBe(true);
  });
});

describe('a model with a pipeline', () => {
  test('gives the scores of POST /predict', async () => {
    const own = await serval.predict({ model: 'tiny', inputs: ['good film', 'bad'] });
    const answer = await infer({ model_name: 'tiny', id: 'mine', inputs: [text('good film', 'bad')] });
    expect(answer).toMatchObject({ model_name: 'tiny', model_version: '1', id: 'mine' });
    expect(answer.outputs[0].contents.bytes_contents.map(String)).toEqual(['positive', 'negative']);
    expect(answer.outputs[1].contents.fp32_contents).toEqual(own.predictions.map(({ score }) => Math.fround(score)));
  });

  test('gives the best classes as texts', async () => {
    const outputs = [{ name: 'scores', parameters: { classification: { int64_param: 1 } } }];
    const answer = await infer({ model_name: 'tiny', inputs: [text('good film')], outputs });
    expect(answer.outputs[0].contents.bytes_contents.map(String)).toEqual([
      expect.stringMatching(/^0\.\d+:2:positive$/),
    ]);
  });

  test('answers a stream’s requests by their ids, errors among them', async () => {
    const stream = client.stream('ModelStreamInfer');
    const answers: Message[] = [];
    stream.on('data', (answer) => answers.push(answer));
    const ended = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
    for (let id = 0; id < 50; id++) {
      stream.write({ model_name: id === 7 ? 'none' : 'tiny', id: String(id), inputs: [text('good')] });
    }
    stream.end();
    await ended;
    expect(answers).toHaveLength(50);
    expect(new Set(answers.map((answer) => answer.infer_response.id)).size).toBe(50);
    const failed = answers.filter((answer) => answer.error_message !== '');
    expect(failed).toMatchObject([{ infer_response: { id: '7' }, error_message: expect.stringContaining('"none"') }]);
  });
});

describe('refuses, and names the tensor', () => {
  const x = { name: 'x', datatype: 'INT8', shape: [3] };

  test.each<[string, object, string]>([
    ['raw bytes that do not add up', { inputs: [x], raw_input_contents: [Buffer.alloc(2)] }, '"x" has 2 bytes'],
    ['too few raw tensors', { inputs: [x, x], raw_input_contents: [Buffer.alloc(3)] }, '1 tensors for 2 inputs'],
    [
      'both kinds',
      { inputs: [{ ...x, contents: { int_contents: [1] } }], raw_input_contents: [Buffer.alloc(3)] },
      '"x" has both',
    ],
    ['too few elements', { inputs: [{ ...x, contents: { int_contents: [1] } }] }, '"x" has 1 elements'],
    ['elements out of range', { inputs: [{ ...x, contents: { int_contents: [1, 2, 128] } }] }, '"x", element 2'],
    ['the wrong field', { inputs: [{ ...x, contents: { fp32_contents: [1] } }] }, 'not in fp32_contents'],
    [
      'another datatype',
      { inputs: [{ ...x, datatype: 'UINT8' }], raw_input_contents: [Buffer.alloc(3)] },
      '"x" has datatype UINT8',
    ],
    ['a missing input', {}, '"x" is missing'],
    [
      'an empty dimension',
      { inputs: [{ ...x, shape: [0] }], raw_input_contents: [Buffer.alloc(0)] },
      'an empty dimension',
    ],
    [
      'a negative dimension',
      { inputs: [{ ...x, shape: [-3] }], raw_input_contents: [Buffer.alloc(3)] },
      '"x": the shape',
    ],
  ])('%s', async (_, message, details) => {
    const error = await errorOf(infer({ model_name: 'identity-int8-1', ...message }));
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining(details) });
  });

  test('bytes that are no message', async () => {
    const error = await errorOf(client.bytes('ModelInfer', Buffer.from([0x2a, 0xff, 0xff, 0xff, 0x7f])));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
  });

  test('models and versions that are not there', async () => {
    expect((await errorOf(infer({ model_name: 'none' }))).code).toBe(status.NOT_FOUND);
    expect((await errorOf(infer({ model_name: 'tiny', model_version: '7' }))).code).toBe(status.NOT_FOUND);
    expect((await errorOf(infer({ model_name: 'tiny', model_version: 'x' }))).code).toBe(status.NOT_FOUND);
  });
});

describe('the server and its models', () => {
  test('metadata, readiness, statistics and index', async () => {
    expect(await client.call('ServerLive', {})).toEqual({ live: true });
    expect(await client.call('ServerReady', {})).toEqual({ ready: true });
    expect(await client.call('ModelReady', { name: 'tiny', version: '1' })).toEqual({ ready: true });
    expect(await client.call('ModelReady', { name: 'none' })).toEqual({ ready: false });
    expect(await client.call('ServerMetadata', {})).toMatchObject({ name: 'serval' });
    expect(await client.call('ModelMetadata', { name: 'tiny.graph' })).toMatchObject({ outputs: [{ name: 'logits' }] });
    await infer({ model_name: 'tiny', inputs: [text('good')] });
    const { model_stats: stats } = await client.call('ModelStatistics', { name: 'tiny' });
    expect(Number(stats[0].inference_stats.success.count)).toBeGreaterThan(0);
    const { models } = await client.call('RepositoryIndex', {});
    expect(models).toContainEqual({ name: 'tiny.graph', version: '1', state: 'READY', reason: '' });
  });

  test('load and unload need the token', async () => {
    const { Metadata } = await import('@grpc/grpc-js');
    const model = { model_name: 'identity-uint8-4' };
    expect((await errorOf(client.call('RepositoryModelUnload', model))).code).toBe(status.UNAUTHENTICATED);
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${TOKEN}`);
    await client.call('RepositoryModelUnload', model, {}, metadata);
    expect(await client.call('ModelReady', { name: model.model_name })).toEqual({ ready: false });
    await client.call('RepositoryModelLoad', model, {}, metadata);
    expect(await client.call('ModelReady', { name: model.model_name })).toEqual({ ready: true });
  });

  test('calls carry the protocol in the metrics', async () => {
    const series =
      'serval_requests_total{protocol="open-inference-grpc",method="POST",route="/inference.GRPCInferenceService/ModelInfer",status="200",model="tiny",version="1"}';
    await expect.poll(() => serval.metric(series)).toBeGreaterThan(0);
  });
});

test('a deadline that passes is DEADLINE_EXCEEDED', async () => {
  const error = await errorOf(infer({ model_name: 'slow', inputs: [text('good')] }, { deadline: Date.now() + 20 }));
  expect(error.code).toBe(status.DEADLINE_EXCEEDED);
});

test('overload is RESOURCE_EXHAUSTED, with the time to come back', async () => {
  const full = await startServal({
    models: folder,
    settings: { GRPC_PORT: 0, MAX_QUEUE_ITEMS: 1, WORKERS: 1, SHARE_IDENTICAL: 'false' },
  });
  onTestFinished(() => full.kill());
  const other = new GrpcClient(await grpcPort(full));
  onTestFinished(() => other.close());
  const calls = Array.from({ length: 12 }, () =>
    other.call('ModelInfer', { model_name: 'slow', inputs: [text('good')] }).then(
      () => null,
      (error) => error,
    ),
  );
  const errors = (await Promise.all(calls)).filter((error) => error !== null);
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(Number(error.metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThan(0);
    expect(String(error.metadata.get('grpc-status-details-bin')[0])).toContain('google.rpc.RetryInfo');
  }
});

test('a server that shuts down finishes what it has, and is UNAVAILABLE to the rest', async () => {
  const leaving = await startServal({ models: folder, settings: { GRPC_PORT: 0, WORKERS: 1 } });
  onTestFinished(() => leaving.kill());
  const other = new GrpcClient(await grpcPort(leaving));
  const health = new GrpcClient(await grpcPort(leaving), HEALTH);
  onTestFinished(() => other.close());
  onTestFinished(() => health.close());
  expect(await health.call('Check', {})).toEqual({ status: 'SERVING' });
  const accepted = other.call('ModelInfer', { model_name: 'slow', inputs: [text('good', 'bad', 'film', 'fine')] });
  await expect.poll(() => other.call('ServerLive', {})).toEqual({ live: true });
  const exit = leaving.stop();
  await leaving.whenLogged('draining');
  expect((await errorOf(other.call('ModelInfer', { model_name: 'tiny', inputs: [text('good')] }))).code).toBe(
    status.UNAVAILABLE,
  );
  expect((await accepted).outputs).toHaveLength(3);
  expect((await exit).code).toBe(0);
});

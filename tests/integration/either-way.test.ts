import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RawConnection } from '../fixtures/raw-connection.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';

/** Plain requests are answered without node:http and the framework. Their clients cannot tell. */

const MODELS = path.join(import.meta.dirname, '../../models');
const IMAGE = await readFile(path.join(MODELS, 'mnist/1/golden/0-1.png'));
const PIXELS = Buffer.from(Float32Array.from({ length: 784 }, (_, at) => (at % 7) / 7).buffer);

let serval: ServalProcess;

beforeAll(async () => {
  serval = await startServal({ models: MODELS });
});

afterAll(() => serval.kill());

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** The answer, without what differs from one to the next. */
async function ask({ method = 'POST', path, headers = {}, body }: Asked, how: 'plain' | 'in pieces' | 'usual') {
  const all: [string, string][] = [['host', 'localhost'], ['x-request-id', 'abc'], ...Object.entries(headers)];
  if (body !== undefined) all.push(['content-length', String(body.length)]);
  // What says something twice is node:http's.
  if (how === 'usual') all.push(['x-a', '1'], ['x-a', '2']);
  const head = [`${method} ${path} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`)].join('\r\n');
  const bytes = Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body ?? Buffer.alloc(0)]);
  const connection = await RawConnection.open(serval.port);
  const cut = how === 'in pieces' ? bytes.length - Math.ceil((body?.length ?? 0) / 2) : bytes.length;
  connection.writeBytes(bytes.subarray(0, cut));
  await delay(20);
  connection.writeBytes(bytes.subarray(cut));
  const { headers: said, ...response } = await connection.response();
  connection.end();
  // Whether an error's answer says that the connection is kept, as all are, is Fastify's.
  const { date, connection: _, 'keep-alive': __, 'server-timing': timing = '', ...same } = said;
  return { ...response, headers: same, hasDate: date !== undefined, timed: timing.replaceAll(/[\d.]+/g, '0') };
}

function json(body: object): Pick<Asked, 'headers' | 'body'> {
  return { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}

function png(body: Buffer): Pick<Asked, 'headers' | 'body'> {
  return { headers: { 'content-type': 'image/png' }, body };
}

function binary(shape: readonly number[], headerBytes?: number): Pick<Asked, 'headers' | 'body'> {
  const parameters = { binary_data_size: PIXELS.length };
  const inputs = [{ name: 'pixel_values', datatype: 'FP32', shape, parameters }];
  const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  const length = String(headerBytes ?? head.length);
  return { headers: { 'inference-header-content-length': length }, body: Buffer.concat([head, PIXELS]) };
}

const PREDICT = '/predict';
const INFER = '/v2/models/mnist.graph/infer';
const TEXT = { name: 'text', datatype: 'BYTES', shape: [1] };

const ASKED: [name: string, asked: Asked, status: number][] = [
  ['a text', { path: PREDICT, ...json({ inputs: 'a good film' }) }, 200],
  ['several', { path: PREDICT, ...json({ inputs: ['good', 'bad'], parameters: { top_k: 1 } }) }, 200],
  ['an empty text', { path: PREDICT, ...json({ inputs: '' }) }, 422],
  ['an unknown model', { path: '/models/none/predict', ...json({ inputs: 'good' }) }, 404],
  ['a wrong body', { path: PREDICT, ...json({ input: 'good' }) }, 400],
  ['no JSON', { path: PREDICT, ...json({}), body: Buffer.from('{') }, 400],
  ['an image', { path: '/models/mnist/predict', ...png(IMAGE) }, 200],
  ['an image and what to say of it', { path: '/predict?model=mnist&top_k=2&timeout_ms=5000', ...png(IMAGE) }, 200],
  ['a text and what to say of it', { path: `${PREDICT}?top_k=1`, ...json({ inputs: 'a good film' }) }, 200],
  ['a query that is wrong', { path: `${PREDICT}?top_k=0&model=mnist`, ...png(IMAGE) }, 400],
  ['a query that nobody knows', { path: `${PREDICT}?topk=1`, ...json({ inputs: 'good' }) }, 400],
  ['a lookup with a query', { method: 'GET', path: '/models?all=1' }, 200],
  ['an image that is none', { path: '/models/mnist/predict', ...png(Buffer.from('no image')) }, 415],
  ['an image that nobody takes', { path: '/models/sentiment/predict', ...png(IMAGE) }, 422],
  ['an empty image', { path: '/models/mnist/predict', ...png(Buffer.alloc(0)) }, 422],
  ['tensors', { path: INFER, ...binary([1, 1, 28, 28]) }, 200],
  ['tensors of another shape', { path: INFER, ...binary([1, 784]) }, 400],
  ['tensors of another length', { path: INFER, ...binary([2, 1, 28, 28]) }, 400],
  ['a length that lies', { path: INFER, ...binary([1, 1, 28, 28], 1_000_000) }, 400],
  [
    'an inference in JSON',
    { path: '/v2/models/sentiment/infer', ...json({ inputs: [{ ...TEXT, data: ['good'] }] }) },
    200,
  ],
  ['an inference of nothing', { path: '/v2/models/sentiment/infer' }, 400],
  ['an inference that is wrong', { path: '/v2/models/sentiment/infer', ...json({ inputs: 1 }) }, 400],
  ['a version', { path: '/v2/models/sentiment/versions/99/infer', ...json({ inputs: [] }) }, 404],
  ['metadata', { method: 'GET', path: '/v2/models/mnist.graph' }, 200],
  ['an unknown path', { method: 'GET', path: '/nowhere' }, 404],
  ['a method that is not allowed', { method: 'GET', path: PREDICT }, 405],
];

test.each(ASKED)(
  'the answer is the same whether node:http reads the request or not: %s',
  async (_name, asked, status) => {
    const usual = await ask(asked, 'usual');
    expect(usual.status).toBe(status);
    expect(await ask(asked, 'plain')).toEqual(usual);
    expect(await ask(asked, 'in pieces')).toEqual(usual);
  },
);

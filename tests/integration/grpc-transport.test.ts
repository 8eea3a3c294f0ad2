import path from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Field } from '../../src/http2/field-table.ts';
import { Flag, FrameType } from '../../src/http2/frame.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';
import { headerBlock } from '../../src/http2/hpack-encoder.ts';
import { GrpcClient, INFERENCE } from '../fixtures/grpc-client.ts';
import { frame, Http2Peer } from '../fixtures/http2-peer.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const MAX_BYTES = 100_000;

let folder: string;
let serval: ServalProcess;
let port: number;

beforeAll(async () => {
  folder = await makeFolder();
  await writeTextModel(path.join(folder, 'tiny'));
  await writeTextModel(path.join(folder, 'slow'), { graph: { slowness: 6 } });
  serval = await startServal({
    models: folder,
    settings: { GRPC_PORT: 0, MAX_TENSOR_BODY_BYTES: MAX_BYTES, BODY_TIMEOUT_MS: 500 },
  });
  port = Number((await serval.whenLogged('listening for gRPC')).port);
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(folder);
});

const request = (model = 'tiny') =>
  INFERENCE.ModelInfer?.requestSerialize({
    model_name: model,
    inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.from('good film')] } }],
  } as never) ?? Buffer.alloc(0);

function message(bytes: Buffer, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([prefix, bytes]);
}

interface Call {
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: readonly Buffer[];
  readonly endsRequest?: boolean;
}

/** The fields that a call ends with, and how many bytes of messages came before them. */
async function call({ fields = {}, body = [message(request())], endsRequest = true }: Call) {
  const all = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': INFER,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...fields,
  };
  const peer = await Http2Peer.open(port);
  peer.write(frame(FrameType.headers, Flag.endHeaders, 1, headerBlock(Object.entries(all))));
  for (const piece of body) peer.write(frame(FrameType.data, 0, 1, piece));
  if (endsRequest) peer.write(frame(FrameType.data, Flag.endStream, 1));
  await expect
    .poll(() =>
      peer.frames.some(({ streamId, flags, type }) => streamId === 1 && type < 2 && (flags & Flag.endStream) !== 0),
    )
    .toBe(true);
  const decoder = new HpackDecoder(16_384);
  const blocks = peer.frames.filter(({ type }) => type === FrameType.headers);
  const ended = blocks.flatMap(({ payload }): readonly Field[] => decoder.decode(payload) ?? []);
  peer.end();
  const bytes = peer.frames
    .filter(({ type }) => type === FrameType.data)
    .reduce((sum, { payload }) => sum + payload.byteLength, 0);
  return { ...Object.fromEntries(ended.map(({ name, value }) => [name, value])), bytes } as Record<
    string,
    string | number
  >;
}

const OK = { 'grpc-status': String(status.OK), bytes: expect.any(Number) };
const failed = (code: status, servalCode: string) => ({
  ':status': '200',
  'grpc-status': String(code),
  'serval-code': servalCode,
  bytes: 0,
});

describe('a call is answered', () => {
  test('however its bytes come', async () => {
    const bytes = message(request());
    expect(await call({ body: Array.from(bytes, (byte) => Buffer.from([byte])) })).toMatchObject(OK);
    expect(await call({ body: [bytes] })).toMatchObject({ ...OK, 'content-type': 'application/grpc+proto' });
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('with messages in %s', async (encoding, compress) => {
    const body = [message(compress(request()), 1)];
    expect(await call({ fields: { 'grpc-encoding': encoding }, body })).toMatchObject(OK);
    // Of the same call a message may go as it is.
    expect(await call({ fields: { 'grpc-encoding': encoding } })).toMatchObject(OK);
  });

  test('with a deadline', async () => {
    expect(await call({ fields: { 'grpc-timeout': '20S' } })).toMatchObject(OK);
    expect(await call({ fields: { 'grpc-timeout': '99999999H' } })).toMatchObject(OK);
  });
});

describe('a call is refused', () => {
  const zeros = Buffer.alloc(4 * MAX_BYTES);

  test.each<[string, Call, status, string]>([
    [
      'of a method that there is not',
      { fields: { ':path': '/inference.GRPCInferenceService/Other' } },
      status.UNIMPLEMENTED,
      'SERVAL_ROUTE_NOT_FOUND',
    ],
    ['without a message', { body: [] }, status.INVALID_ARGUMENT, 'SERVAL_INVALID_REQUEST'],
    [
      'with two messages',
      { body: [message(request()), message(request())] },
      status.INVALID_ARGUMENT,
      'SERVAL_INVALID_REQUEST',
    ],
    ['cut short', { body: [message(request()).subarray(0, 9)] }, status.INVALID_ARGUMENT, 'SERVAL_INVALID_REQUEST'],
    [
      'with a first byte that is none',
      { body: [message(request(), 7)] },
      status.INVALID_ARGUMENT,
      'SERVAL_INVALID_REQUEST',
    ],
    [
      'that is too large',
      { body: [message(zeros).subarray(0, 100)] },
      status.RESOURCE_EXHAUSTED,
      'SERVAL_BODY_TOO_LARGE',
    ],
    [
      'that is too large uncompressed',
      { fields: { 'grpc-encoding': 'gzip' }, body: [message(gzipSync(zeros), 1)] },
      status.RESOURCE_EXHAUSTED,
      'SERVAL_BODY_TOO_LARGE',
    ],
    [
      'in an encoding that is not known',
      { fields: { 'grpc-encoding': 'snappy' }, body: [message(request(), 1)] },
      status.UNIMPLEMENTED,
      'SERVAL_CONTENT_ENCODING',
    ],
    [
      'compressed without saying how',
      { body: [message(gzipSync(request()), 1)] },
      status.UNIMPLEMENTED,
      'SERVAL_CONTENT_ENCODING',
    ],
    [
      'that is not what its encoding says',
      { fields: { 'grpc-encoding': 'gzip' }, body: [message(request(), 1)] },
      status.INVALID_ARGUMENT,
      'SERVAL_MALFORMED_COMPRESSION',
    ],
    [
      'with a timeout that is none',
      { fields: { 'grpc-timeout': 'soon' } },
      status.INVALID_ARGUMENT,
      'SERVAL_INVALID_REQUEST',
    ],
    [
      'that never comes whole',
      { body: [message(request()).subarray(0, 9)], endsRequest: false },
      status.DEADLINE_EXCEEDED,
      'SERVAL_BODY_TIMEOUT',
    ],
  ])('%s', async (_, sent, code, servalCode) => {
    expect(await call(sent)).toMatchObject(failed(code, servalCode));
  });

  test('that is none of gRPC', async () => {
    expect(await call({ fields: { 'content-type': 'application/json' } })).toMatchObject({
      ':status': '415',
      bytes: 0,
    });
    expect(await call({ fields: { 'content-type': 'application/grpc-web' } })).toMatchObject({ ':status': '415' });
    expect(await call({ fields: { ':method': 'GET' } })).toMatchObject({ ':status': '405', bytes: 0 });
  });

  test('and counted, under a route that is one of few', async () => {
    const count = (route: string, code: number) =>
      serval.metric(
        `serval_requests_total{protocol="open-inference-grpc",method="POST",route="${route}",status="${code}",model="",version=""}`,
      );
    await expect.poll(() => count('none', 404)).toBeGreaterThan(0);
    await expect.poll(() => count(INFER, 413)).toBeGreaterThan(0);
  });
});

test('a client that gives up is not worked for', async () => {
  const client = new GrpcClient(port);
  const cancelled = `serval_requests_total{protocol="open-inference-grpc",method="POST",route="${INFER}",status="499",model="",version=""}`;
  const peer = await Http2Peer.open(port);
  const fields = { ':method': 'POST', ':scheme': 'http', ':path': INFER, 'content-type': 'application/grpc' };
  for (let streamId = 1; streamId < 60; streamId += 2) {
    peer.write(
      frame(FrameType.headers, Flag.endHeaders, streamId, headerBlock(Object.entries(fields))),
      frame(FrameType.data, Flag.endStream, streamId, message(request('slow'))),
    );
  }
  peer.end();
  await expect.poll(() => serval.metric(cancelled)).toBeGreaterThan(0);
  expect(await client.call('ServerLive', {})).toEqual({ live: true });
  client.close();
});

test('a stream whose client does not read waits with its answers, and has them all in the end', async () => {
  const peer = await Http2Peer.open(port);
  const path = '/inference.GRPCInferenceService/ModelStreamInfer';
  const fields = { ':method': 'POST', ':scheme': 'http', ':path': path, 'content-type': 'application/grpc' };
  const settings = Buffer.from([0, 4, 0, 0, 0, 0]);
  peer.write(frame(FrameType.settings, 0, 0, settings));
  peer.write(frame(FrameType.headers, Flag.endHeaders, 1, headerBlock(Object.entries(fields))));
  for (let at = 0; at < 100; at++) peer.write(frame(FrameType.data, 0, 1, message(request())));
  peer.write(frame(FrameType.data, Flag.endStream, 1));
  await peer.frame(FrameType.headers, 1);
  const answers = () => peer.frames.filter(({ type }) => type === FrameType.data);
  expect(answers()).toEqual([]);
  peer.write(frame(FrameType.settings, 0, 0, Buffer.from([0, 4, 0, 0xff, 0xff, 0xff])));
  await expect.poll(() => answers().length).toBe(100);
  await expect.poll(() => peer.frames.filter(({ type }) => type === FrameType.headers).length).toBe(2);
  peer.end();
});

import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { expectedColourScores, writeImageModel } from '../fixtures/image-model.ts';
import { fieldPart, filePart, formOf, MULTIPART_TYPE } from '../fixtures/multipart-body.ts';
import { formatFile } from '../fixtures/pillow-images.ts';
import { pngChunk, pngFile, pngOfSize } from '../fixtures/png-file.ts';
import { RawConnection } from '../fixtures/raw-connection.ts';
import { type Answer, type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';

const COLOUR = [250, 120, 10];
const GOOD = pngFile({
  width: 20,
  height: 30,
  pixels: Uint8Array.from({ length: 20 * 30 * 3 }, (_, at) => COLOUR[at % 3] ?? 0),
});
const JPEG = Buffer.from(formatFile('half-chroma.jpg'));
const MAX_FILES = 8;

let models: string;
let serval: ServalProcess;
let workers: number[];

beforeAll(async () => {
  models = await makeFolder();
  await writeImageModel(path.join(models, 'colours'));
  serval = await startServal({ models, settings: { MAX_INPUTS: MAX_FILES, MAX_IMAGE_BODY_BYTES: 1_000_000 } });
  workers = serval.workerPids;
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

async function post(body: Uint8Array | string, contentType: string): Promise<Answer> {
  const response = await fetch(`${serval.url}/predict`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const asJson = (...files: Uint8Array[]) => JSON.stringify({ inputs: files.map((file) => ({ image: base64(file) })) });
const refusal = (statusCode: number, code: ErrorCode) => ({ statusCode, code });

/** Each file with the answer that the documentation promises. */
const FILES: readonly (readonly [name: string, bytes: Uint8Array, status: number, code: ErrorCode])[] = [
  ['text named .jpg', Buffer.from('This is not a picture.'), 415, 'SERVAL_IMAGE_FORMAT'],
  ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 415, 'SERVAL_IMAGE_FORMAT'],
  ['a GIF', Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1'), 415, 'SERVAL_IMAGE_FORMAT'],
  ['a TIFF', Buffer.from('II*\x00\x08\x00\x00\x00', 'latin1'), 415, 'SERVAL_IMAGE_FORMAT'],
  ['a HEIF', Buffer.from('\x00\x00\x00\x18ftypheic', 'latin1'), 415, 'SERVAL_IMAGE_FORMAT'],
  ['a PDF', Buffer.from('%PDF-1.7'), 415, 'SERVAL_IMAGE_FORMAT'],
  ['a BMP', Buffer.from('BM\x3a\x00\x00\x00', 'latin1'), 415, 'SERVAL_IMAGE_FORMAT'],
  ['a JPEG cut short', JPEG.subarray(0, -80), 422, 'SERVAL_IMAGE_BROKEN'],
  ['a PNG cut short', GOOD.subarray(0, 60), 422, 'SERVAL_IMAGE_BROKEN'],
  ['a WebP cut short', formatFile('lossy.webp').subarray(0, -40), 422, 'SERVAL_IMAGE_BROKEN'],
  ['a JPEG’s magic before text', Buffer.from('\xff\xd8\xff no picture', 'latin1'), 422, 'SERVAL_IMAGE_BROKEN'],
  ['a picture of 0 × 0', pngOfSize(0, 0), 422, 'SERVAL_IMAGE_BROKEN'],
  ['a PNG bomb of 256 MP', pngOfSize(16_000, 16_000), 422, 'SERVAL_IMAGE_PIXELS'],
  ['a picture of 100,000 × 1', pngFile({ width: 100_000, height: 1 }), 422, 'SERVAL_IMAGE_SHAPE'],
  ['a picture of 1 × 100,000', pngFile({ width: 1, height: 100_000 }), 422, 'SERVAL_IMAGE_SHAPE'],
];

describe('a file that is not usable', () => {
  test.for(FILES)('%s is refused as a raw body', async ([, bytes, status, code]) => {
    expect((await post(bytes, 'image/jpeg')).body).toMatchObject(refusal(status, code));
  });

  test.for(FILES)('%s is refused in a form', async ([, bytes, status, code]) => {
    expect((await post(formOf(filePart(bytes)), MULTIPART_TYPE)).body).toMatchObject(refusal(status, code));
  });

  test.for(FILES)('%s is refused in JSON', async ([, bytes, status, code]) => {
    expect((await post(asJson(bytes), 'application/json')).body).toMatchObject(refusal(status, code));
  });

  test('an empty file is refused in a form and in JSON', async () => {
    const empty = new Uint8Array();
    const answers = [
      await post(formOf(filePart(empty)), MULTIPART_TYPE),
      await post(asJson(empty), 'application/json'),
    ];
    for (const { body } of answers) expect(body).toMatchObject(refusal(422, 'SERVAL_EMPTY_INPUT'));
  });

  test('an empty raw body is refused', async () => {
    const { body } = await post(new Uint8Array(), 'image/jpeg');
    expect(body).toMatchObject(refusal(422, 'SERVAL_EMPTY_INPUT'));
  });
});

describe('a body that is not usable', () => {
  const tooLarge = Buffer.alloc(1_000_001);

  test.for([
    ['over the limit, raw', tooLarge, 'image/png', 413, 'SERVAL_BODY_TOO_LARGE'],
    ['over the limit, a form', formOf(filePart(tooLarge)), MULTIPART_TYPE, 413, 'SERVAL_BODY_TOO_LARGE'],
    ['over the limit, JSON', asJson(Buffer.alloc(1_600_000)), 'application/json', 413, 'SERVAL_BODY_TOO_LARGE'],
    ['an address', '{"inputs": {"image": "https://example.org/a.jpg"}}', 'application/json', 422, 'SERVAL_IMAGE_URL'],
    ['bad base64', '{"inputs": {"image": "!!"}}', 'application/json', 422, 'SERVAL_IMAGE_BASE64'],
    ['a data: URL without base64', '{"inputs": {"image": "data:,x"}}', 'application/json', 422, 'SERVAL_IMAGE_BASE64'],
    ['a form without a boundary', formOf(filePart(GOOD)), 'multipart/form-data', 400, 'SERVAL_MALFORMED_MULTIPART'],
    ['a form cut short', filePart(GOOD).subarray(0, -9), MULTIPART_TYPE, 400, 'SERVAL_MALFORMED_MULTIPART'],
    ['a form without a file', formOf(fieldPart('top_k', '1')), MULTIPART_TYPE, 400, 'SERVAL_INVALID_REQUEST'],
    [
      'a field that is not known',
      formOf(filePart(GOOD), fieldPart('topk', '1')),
      MULTIPART_TYPE,
      400,
      'SERVAL_INVALID_REQUEST',
    ],
    ['another kind of image', GOOD, 'image/tiff', 415, 'SERVAL_MEDIA_TYPE'],
    ['no kind at all', GOOD, '', 415, 'SERVAL_MEDIA_TYPE'],
  ] as const)('%s', async ([, body, type, status, code]) => {
    expect((await post(body, type)).body).toMatchObject(refusal(status, code));
  });

  test('more files than one request may have', async () => {
    const files = Array.from({ length: MAX_FILES + 1 }, () => filePart(GOOD));
    expect((await post(formOf(...files), MULTIPART_TYPE)).body).toMatchObject(refusal(413, 'SERVAL_TOO_MANY_INPUTS'));
  });

  test('a Content-Length that is too long leaves the request without an answer, and the server with one for others', async () => {
    const connection = await RawConnection.open(serval.port);
    connection.request('POST', '/predict', 'x', { 'content-type': 'image/jpeg', 'content-length': '1000' });
    expect((await post(GOOD, 'image/png')).status).toBe(200);
    connection.end();
  });

  test('what stands after a Content-Length that is too short is no request', async () => {
    const connection = await RawConnection.open(serval.port);
    connection.request('POST', '/predict', 'this is more than four', {
      'content-type': 'image/jpeg',
      'content-length': '4',
    });
    const statuses = [(await connection.response()).status, (await connection.response()).status];
    expect(statuses.sort()).toEqual([400, 415]);
    await connection.closed();
  });
});

describe('one bad image among many', () => {
  test('is named by its place, in the order of the request', async () => {
    const { status, body } = await post(asJson(GOOD, GOOD, JPEG.subarray(0, -80), GOOD), 'application/json');
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'SERVAL_IMAGE_BROKEN', details: { input: 2 } });
  });

  test('keeps what was known of it in details', async () => {
    const { body } = await post(formOf(filePart(GOOD), filePart(pngOfSize(16_000, 16_000))), MULTIPART_TYPE);
    expect(body).toMatchObject({ details: { input: 1, width: 16_000, height: 16_000, maxPixels: 25_000_000 } });
  });

  test('touches nothing of the other requests that run meanwhile', async () => {
    const bad = JPEG.subarray(0, -80);
    const requests = Array.from({ length: 60 }, (_, at) =>
      at % 2 === 0 ? post(GOOD, 'image/png') : post(asJson(GOOD, bad, GOOD), 'application/json'),
    );
    const answers = await Promise.all(requests);
    const [red = 0] = expectedColourScores(COLOUR);
    for (const [at, { status, body }] of answers.entries()) {
      expect(status).toBe(at % 2 === 0 ? 200 : 422);
      if (at % 2 === 0) {
        const { predictions } = body as { predictions: { label: string; score: number }[] };
        expect(predictions[0]?.label).toBe('red');
        expect(predictions[0]?.score).toBeCloseTo(red, 5);
      } else expect(body).toMatchObject({ details: { input: 1 } });
    }
  });
});

test('a large text in a PNG does not matter', async () => {
  const text = pngChunk('tEXt', Buffer.concat([Buffer.from('Comment\0'), Buffer.alloc(400_000, 'x')]));
  const { status } = await post(pngFile({ width: 20, height: 20, chunks: [text] }), 'image/png');
  expect(status).toBe(200);
});

test('none of it ended a worker', async () => {
  expect(await serval.metric('serval_worker_restarts_total')).toBe(0);
  expect(serval.workerPids).toEqual(workers);
});

import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { ImageUpload } from '../../src/http/image-upload.ts';
import { PredictRequestReader, type PredictSources } from '../../src/http/routes/predict-request.ts';
import { uploadParametersSchema } from '../../src/http/routes/predict-schemas.ts';

const CONFIG = parseConfig({ SERVAL_MAX_INPUTS: '3', SERVAL_MAX_INPUT_CHARS: '20', SERVAL_DEFAULT_TIMEOUT_MS: '1234' });
const NO_TARGET = { model: null, version: null };
const BYTES = Buffer.from('pixels');

function read(sources: Partial<PredictSources>) {
  const reader = new PredictRequestReader(CONFIG, uploadParametersSchema(CONFIG));
  return reader.read({
    target: NO_TARGET,
    query: {},
    headerTimeoutMs: undefined,
    body: { inputs: 'good' },
    ...sources,
  });
}

function refused(sources: Partial<PredictSources>): { code?: string; details?: unknown; message?: string } {
  try {
    read(sources);
  } catch (error) {
    return error as object;
  }
  throw new Error('was not refused');
}

function upload(fields: Record<string, string> = {}, files = 1): ImageUpload {
  return new ImageUpload(new Array<Uint8Array>(files).fill(BYTES), fields);
}

describe('the same request in three forms', () => {
  const json = {
    inputs: { image: BYTES.toString('base64') },
    model: 'imagenet',
    parameters: { top_k: 2, timeout_ms: 9 },
  };
  const expected = {
    model: 'imagenet',
    version: null,
    inputs: [{ kind: 'image', bytes: BYTES }],
    options: { topK: 2, functionToApply: null, truncate: true },
    timeoutMs: 9,
    priority: 'interactive',
  };

  test('JSON', () => {
    expect(read({ body: json })).toEqual(expected);
  });

  test('a form', () => {
    expect(read({ body: upload({ model: 'imagenet', top_k: '2', timeout_ms: '9' }) })).toEqual(expected);
  });

  test('a raw file with its parameters in the query', () => {
    expect(read({ body: upload(), query: { model: 'imagenet', top_k: 2, timeout_ms: 9 } })).toEqual(expected);
  });
});

describe('defaults', () => {
  test('five labels, the model’s own function, the server’s timeout', () => {
    expect(read({ body: upload() })).toMatchObject({
      model: null,
      options: { topK: 5, functionToApply: null },
      timeoutMs: 1234,
    });
  });
});

describe('refuses', () => {
  test('a form without a file', () => {
    expect(refused({ body: upload({}, 0) }).code).toBe('SERVAL_INVALID_REQUEST');
  });

  test('a form with an unknown field', () => {
    expect(refused({ body: upload({ topk: '2' }) })).toMatchObject({
      code: 'SERVAL_INVALID_REQUEST',
      message: expect.stringContaining('topk'),
    });
  });

  test('a form whose number is none', () => {
    expect(refused({ body: upload({ top_k: 'many' }) })).toMatchObject({
      code: 'SERVAL_INVALID_REQUEST',
      message: expect.stringContaining('form.top_k'),
    });
  });

  test('a field called __proto__ as any unknown one', () => {
    const fields: Record<string, string> = Object.create(null);
    Object.defineProperty(fields, '__proto__', { value: 'x', enumerable: true });
    expect(refused({ body: upload(fields) }).code).toBe('SERVAL_INVALID_REQUEST');
  });

  test('more files than inputs are allowed', () => {
    expect(refused({ body: upload({}, 4) })).toMatchObject({
      code: 'SERVAL_TOO_MANY_INPUTS',
      details: { maxInputs: 3 },
    });
  });

  test('an address among images, and names its place', () => {
    const inputs = [{ image: BYTES.toString('base64') }, { image: 'https://example.org/a.jpg' }];
    expect(refused({ body: { inputs } })).toMatchObject({ code: 'SERVAL_IMAGE_URL', details: { input: 1 } });
  });

  test('two models in one request', () => {
    const body = upload({ model: 'mnist' });
    expect(refused({ body, query: { model: 'imagenet' } }).code).toBe('SERVAL_MODEL_MISMATCH');
    expect(refused({ body, target: { model: 'imagenet', version: 1 } }).code).toBe('SERVAL_MODEL_MISMATCH');
  });

  test('a text over its limit, and names its place', () => {
    expect(refused({ body: { inputs: ['good', 'x'.repeat(21)] } })).toMatchObject({
      code: 'SERVAL_TEXT_TOO_LONG',
      details: { input: 1 },
    });
  });
});

test('the smaller of the header’s and the body’s timeouts counts', () => {
  const body = { inputs: 'good', parameters: { timeout_ms: 500 } };
  expect(read({ body, headerTimeoutMs: 200 }).timeoutMs).toBe(200);
  expect(read({ body, headerTimeoutMs: 900 }).timeoutMs).toBe(500);
  expect(read({ headerTimeoutMs: 900 }).timeoutMs).toBe(900);
});

import { expect, test } from 'vitest';
import { type ErrorCode, ServalError } from '../../../src/errors.ts';
import { errorShapeOf } from '../../../src/http/protocols/error-shapes.ts';

function answer(url: string, code: ErrorCode): { readonly statusCode: number; readonly body: object } {
  const { statusCode, body } = errorShapeOf(url)(new ServalError(code, 'what to change'));
  return { statusCode, body };
}

test('Hugging Face’s clients read the message in `error`, under the table’s status', () => {
  expect(answer('/hf/models/sentiment', 'SERVAL_OVERLOADED')).toEqual({
    statusCode: 429,
    body: { error: 'what to change' },
  });
});

test('Hugging Face’s clients never get 503 for a version that will not become ready: npm’s would ask without end', () => {
  expect(answer('/hf/models/sentiment', 'SERVAL_VERSION_NOT_READY').statusCode).toBe(424);
});

test.for([
  ['SERVAL_EMPTY_INPUT', 400, 'Empty'],
  ['SERVAL_MALFORMED_JSON', 400, 'Validation'],
  ['SERVAL_MODEL_NOT_FOUND', 404, 'Validation'],
  ['SERVAL_TOO_MANY_INPUTS', 413, 'Validation'],
  ['SERVAL_INVALID_REQUEST', 422, 'Validation'],
  ['SERVAL_TEXT_TOO_LONG', 422, 'Validation'],
  ['SERVAL_INPUT_KIND', 424, 'Backend'],
  ['SERVAL_WORKER_LOST', 424, 'Backend'],
  ['SERVAL_OVERLOADED', 429, 'Overloaded'],
  ['SERVAL_INTERNAL', 500, 'Backend'],
  ['SERVAL_STARTING', 503, 'Unhealthy'],
  ['SERVAL_DRAINING', 503, 'Unhealthy'],
  ['SERVAL_DEADLINE_EXCEEDED', 504, 'Backend'],
] as const)('Text Embeddings Inference answers %s with %i and %s', ([code, statusCode, errorType]) => {
  const body = { error: 'what to change', error_type: errorType };
  expect(answer('/tei/sentiment/predict', code)).toEqual({ statusCode, body });
});

test('TensorFlow Serving answers what cannot be used with 400', () => {
  expect(answer('/v1/models/sentiment:predict', 'SERVAL_EMPTY_INPUT')).toEqual({
    statusCode: 400,
    body: { error: 'what to change' },
  });
  expect(answer('/v1/models/sentiment:predict', 'SERVAL_DRAINING').statusCode).toBe(503);
});

test.for(['/predict', '/', '/hf', '/constructor/x', '/tea/x', '/?hf/'])('%s', (url) => {
  const isProtocol = url === '/hf';
  expect('code' in answer(url, 'SERVAL_INTERNAL').body).toBe(!isProtocol);
});

import fastify from 'fastify';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ServalError } from '../../src/errors.ts';
import { doorHook } from '../../src/http/request-timeout.ts';

/** A server whose door says `answer` for `sentiment`, of which two versions are ready. */
function serverWith(answer: () => void = () => {}) {
  const check = vi.fn(answer);
  const keyOf = (model: string, version: number | null) => (model === 'sentiment' ? `${model}/${version ?? 2}` : null);
  const app = fastify();
  onTestFinished(() => app.close());
  const onRequest = doorHook({ door: { check }, repository: { keyOf } } as unknown as Parameters<typeof doorHook>[0]);
  for (const path of [
    '/predict',
    '/models/:model',
    '/models/:model/versions/:version',
    '/models/:model/labels/:label',
  ]) {
    app.post(path, { onRequest }, async () => 'usual');
  }
  const post = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'POST', url, headers });
  return { post, check };
}

test.each([
  ['its model’s served version', '/models/sentiment', 'sentiment/2'],
  ['the version that it names', '/models/sentiment/versions/1', 'sentiment/1'],
  ['no version in particular, where the path names none', '/predict', null],
  ['no version in particular, where it is named by a label', '/models/sentiment/labels/stable', null],
  ['no version in particular, where nobody is called so', '/models/other', null],
])('a time in the headers is held against the queue of %s', async (_name, url, versionKey) => {
  const { post, check } = serverWith();
  expect((await post(url, { 'x-request-timeout-ms': '500' })).body).toBe('usual');
  expect(check).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ versionKey, timeoutMs: 500 }));
});

test.each([
  ['none', {}],
  ['one that is none', { 'x-request-timeout-ms': 'soon' }],
])('without a time only the bounds of the queue are looked at: %s', async (_name, headers) => {
  const { post, check } = serverWith();
  await post('/models/sentiment', headers);
  expect(check).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ versionKey: null, timeoutMs: null }));
});

test('what there is no time for is not read', async () => {
  const { post } = serverWith(() => {
    throw new ServalError('SERVAL_OVERLOADED', 'too long');
  });
  expect((await post('/models/sentiment', { 'x-request-timeout-ms': '500' })).body).toContain('too long');
});

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { ServalError } from '../../../src/errors.ts';
import { ReceivingBudget } from '../../../src/http/body-reader.ts';
import { EventLoopTurns } from '../../../src/http/event-loop-turns.ts';
import { EarlyRefusal } from '../../../src/http/plain/early-refusal.ts';
import type { PlainAnswer } from '../../../src/http/plain/plain-answer.ts';
import { PlainAnswers } from '../../../src/http/plain/plain-answers.ts';
import { JsonThread } from '../../../src/http/protocols/json-thread.ts';
import type { ClientConnection, PredictRequest } from '../../../src/pipelines/predictor.ts';
import type { Asked, Decision, Gatekeeper } from '../../../src/security/gatekeeper.ts';
import { readPlainHead, readPlainRequest } from '../../fixtures/plain-request.ts';

const SCORES = [
  { label: 'positive', score: 0.75 },
  { label: 'negative', score: 0.25 },
];
const ANSWER = {
  manifest: { model: 'sentiment', version: 2, task: 'text-classification' },
  predictions: [{ label: 'positive', score: 0.75, scores: SCORES }],
  tokens: 4,
  truncated: 0,
  imageBytes: 0,
  shared: 0,
  cached: 0,
  timings: { encodeMs: 1, queueMs: 2, runMs: 3 },
};
const MAX_RECEIVING_BYTES = 1_000_000;
const TENSOR = { dataType: 'float32', shape: [2], data: Float32Array.of(0.5, 0.25) };
const INFERRED = {
  name: 'sentiment.graph',
  manifest: { model: 'sentiment', version: 2 },
  outputs: [{ name: 'logits', parameters: { binary_data: true }, tensor: TENSOR }],
  ownsOutputs: false,
  items: 1,
  imageBytes: 0,
  timings: { encodeMs: 1, queueMs: 2, runMs: 3 },
};
const CLIENT: ClientConnection = { key: null, waitedMs: () => 0, isClosed: () => false, onClose: () => () => {} };

/** What answers, with a predictor that does as it is told. */
function answersOf({
  predict = async () => ANSWER,
  mayRefuse = false,
  phase = 'ready',
  gatekeeper = null,
  infer = async () => INFERRED,
  keyOf = () => null,
}: {
  keyOf?: (model: string, version: number | null) => string | null;
  infer?: () => Promise<unknown>;
  predict?: (asked: PredictRequest) => Promise<unknown>;
  mayRefuse?: boolean;
  phase?: string;
  gatekeeper?: Gatekeeper | null;
} = {}) {
  const requestAnswered = vi.fn();
  const [info, error] = [vi.fn(), vi.fn()];
  const asked = vi.fn(predict);
  const check = vi.fn(({ versionKey }: { readonly versionKey: string | null }) => {
    if (versionKey === null) return;
    throw new ServalError('SERVAL_OVERLOADED', 'too long', { retryAfterSeconds: 2 });
  });
  const state = { phase };
  const inferred = vi.fn(infer);
  const budget = new ReceivingBudget(MAX_RECEIVING_BYTES);
  const parts = {
    config: parseConfig({ SERVAL_MAX_INPUTS: '3' }),
    logger: { info, error },
    predictor: { predict: asked, resolve: () => ({ manifest: { ...ANSWER.manifest, digest: 'abc' } }) },
    repository: { keyOf },
    observer: { requestAnswered },
    door: { mayRefuse: () => mayRefuse, check },
    phase: () => state.phase,
    gatekeeper,
    turns: new EventLoopTurns(),
    budget,
    json: new JsonThread(),
    openInference: { inference: { infer: inferred } },
  };
  const refusal = new EarlyRefusal(parts as never);
  const answers = new PlainAnswers(parts as never, refusal);
  const send = async (body: unknown, { path = '/predict', headers = {}, client = CLIENT }: Sent = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const fields = { host: 'localhost', 'content-type': 'application/json', 'content-length': text.length, ...headers };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    const request = readPlainRequest(Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text}`));
    if (request === null) throw new Error('the request is not plain');
    const prediction = answers.expect(request);
    const answer = prediction === null ? null : await answers.answerTo(prediction, request, client);
    answer?.onSent?.(client.isClosed() ? new Error('gone') : null);
    return answer;
  };
  return { send, answers, asked, inferred, check, requestAnswered, info, error, state, budget };
}

interface Sent {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly client?: ClientConnection;
}

function partsOf(answer: PlainAnswer | null): { status: string; headers: Record<string, string>; body: unknown } {
  const [head = '', text = ''] = String(answer?.pieces[0]).split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  return { status, headers: Object.fromEntries(lines.map((line) => line.split(': '))), body: JSON.parse(text) };
}

test('answers a prediction, and tells metrics and log of it', async () => {
  const { send, asked, requestAnswered, info } = answersOf();
  const body = { inputs: ['a good film'], parameters: { top_k: 2, timeout_ms: 900 } };
  const answer = await send(body, { headers: { 'x-request-id': 'abc', 'x-request-timeout-ms': '800' } });
  expect(asked).toHaveBeenCalledExactlyOnceWith(
    {
      model: null,
      version: null,
      inputs: [{ kind: 'text', text: 'a good film' }],
      options: { topK: 2, functionToApply: null, truncate: true },
      timeoutMs: 800,
      priority: 'interactive',
    },
    CLIENT,
  );
  const { status, headers, body: told } = partsOf(answer);
  expect(answer?.isLast).toBe(false);
  expect(status).toBe('HTTP/1.1 200 OK');
  expect(told).toEqual({
    id: 'abc',
    model: 'sentiment',
    version: 2,
    predictions: ANSWER.predictions,
    usage: { items: 1, tokens: 4, truncated: 0 },
  });
  expect(headers).toMatchObject({
    'x-request-id': 'abc',
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(JSON.stringify(told).length),
    connection: 'keep-alive',
    'keep-alive': 'timeout=72',
  });
  expect(headers['server-timing']).toMatch(/^encode;dur=1.00, queue;dur=2.00, run;dur=3.00, total;dur=\d+\.\d\d$/);
  const served = { model: 'sentiment', version: 2, items: 1 };
  expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({
      protocol: 'serval',
      method: 'POST',
      route: '/predict',
      statusCode: 200,
      errorCode: null,
      served: { ...served, encodeSeconds: 0.001, imageBytes: 0 },
    }),
  );
  expect(info).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ reqId: 'abc', method: 'POST', route: '/predict', status: 200, ...served }),
    'request',
  );
});

test.each([
  ['/models/sentiment/predict', { model: 'sentiment', version: null }, '/models/:model/predict'],
  ['/models/a.b-c/versions/12/predict', { model: 'a.b-c', version: 12 }, '/models/:model/versions/:version/predict'],
])('knows the target of %s', async (path, target, route) => {
  const { send, asked, requestAnswered } = answersOf();
  await send({ inputs: 'good' }, { path });
  expect(asked.mock.calls[0]?.[0]).toMatchObject(target);
  expect(requestAnswered).toHaveBeenCalledWith(expect.objectContaining({ route }));
});

test.each([
  ['no JSON', '{"inputs": ', {}],
  ['null', 'null', {}],
  ['an unknown field', { inputs: 'good', input: 'good' }, {}],
  ['no inputs', { inputs: [] }, {}],
  ['too many inputs', { inputs: ['a', 'b', 'c', 'd'] }, {}],
  ['two models', { inputs: 'a', model: 'other' }, { path: '/models/sentiment/predict' }],
  ['an image that is none', { inputs: { image: '?' } }, {}],
  ['another route', { inputs: 'good' }, { path: '/hf/models/sentiment' }],
  ['a version that is none', { inputs: 'good' }, { path: '/models/sentiment/versions/0/predict' }],
  ['another type', 'good', { headers: { 'content-type': 'text/plain' } }],
  ['another character set', { inputs: 'good' }, { headers: { 'content-type': 'application/json; charset=latin1' } }],
  ['a body that is compressed', { inputs: 'good' }, { headers: { 'content-encoding': 'gzip' } }],
  ['large headers', { inputs: 'good' }, { headers: { 'x-filler': 'a'.repeat(20_000) } }],
  ['a large body', { inputs: 'x'.repeat(20_000) }, {}],
  ['a query that is wrong', { inputs: 'good' }, { path: '/predict?top_k=0' }],
  ['a query of nothing known', { inputs: 'good' }, { path: '/predict?topk=1' }],
  ['a query said twice', { inputs: 'good' }, { path: '/predict?top_k=1&top_k=2' }],
  ['a time that is none', { inputs: 'good' }, { headers: { 'x-request-timeout-ms': 'soon' } }],
  ['a time that is too long', { inputs: 'good' }, { headers: { 'x-request-timeout-ms': '9999999999' } }],
])('leaves to node:http what is wrong or out of the ordinary: %s', async (_name, body, sent) => {
  const { send, asked, requestAnswered } = answersOf();
  expect(await send(body, sent)).toBeNull();
  expect(asked).not.toHaveBeenCalled();
  expect(requestAnswered).not.toHaveBeenCalled();
});

test.each(['starting', 'draining'])('leaves all to node:http while the server is %s', async (phase) => {
  expect(await answersOf({ phase }).send({ inputs: 'good' })).toBeNull();
});

test('an error of the prediction is answered in the API’s shape; its cause is for the log', async () => {
  const cause = new Error('the runtime’s words');
  const { send, requestAnswered, info, error } = answersOf({
    predict: () => Promise.reject(new ServalError('SERVAL_RUN_FAILED', 'cannot run', { cause })),
  });
  const { status, headers, body } = partsOf(await send({ inputs: 'good' }));
  expect(status).toBe('HTTP/1.1 500 Internal Server Error');
  expect(body).toMatchObject({ statusCode: 500, code: 'SERVAL_RUN_FAILED', message: 'cannot run' });
  expect(headers).not.toHaveProperty('retry-after');
  const code = 'SERVAL_RUN_FAILED';
  expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ statusCode: 500, errorCode: code }),
  );
  expect(info).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ status: 500, code }), 'request');
  expect(error).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ err: cause, code }), 'request failed');
});

test('what is no error of ours tells nothing to the client', async () => {
  const { send, error } = answersOf({ predict: () => Promise.reject(new TypeError('secret')) });
  const { status, body } = partsOf(await send({ inputs: 'good' }));
  expect(status).toBe('HTTP/1.1 500 Internal Server Error');
  expect(JSON.stringify(body)).not.toContain('secret');
  expect(error).toHaveBeenCalledOnce();
});

test('a queue that is too long is told at once, without a prediction', async () => {
  const { send, asked } = answersOf({ mayRefuse: true });
  const { status, headers } = partsOf(await send({ inputs: 'good' }));
  expect(status).toBe('HTTP/1.1 429 Too Many Requests');
  expect(headers['retry-after']).toBe('2');
  expect(asked).not.toHaveBeenCalled();
});

test('who asks for the same a moment later is told the same, in an answer of their own', async () => {
  const { send, check, requestAnswered } = answersOf({ mayRefuse: true });
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const headersOf = async (id: string, timeout_ms?: number) => {
    const body = { inputs: 'good', parameters: { timeout_ms } };
    return partsOf(await send(body, { headers: { 'x-request-id': id } })).headers;
  };
  expect(await headersOf('a')).toMatchObject({ 'x-request-id': 'a', 'retry-after': '2' });
  expect(await headersOf('b')).toMatchObject({ 'x-request-id': 'b', 'retry-after': '2' });
  expect(check).toHaveBeenCalledTimes(1);
  await headersOf('c', 400);
  expect(check).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(3);
  await headersOf('d');
  expect(check).toHaveBeenCalledTimes(3);
  expect(requestAnswered).toHaveBeenCalledTimes(4);
});

describe('where API keys are asked for', () => {
  const models = (names: string[] | null) => ({ name: 'shop', models: names === null ? null : new Set(names) });
  const letIn = (names: string[] | null = null): Decision =>
    ({ admitted: true, client: { key: models(names), limits: [] } }) as unknown as Decision;
  const turnAway: Decision = {
    admitted: false,
    client: null,
    error: new ServalError('SERVAL_KEY_UNKNOWN', 'not known'),
  };
  const keeperOf = (decision: Decision) => {
    const admit = vi.fn((_asked: Asked) => decision);
    const limitFields = () => ({ policy: '"rate";q=5;w=1', state: '"rate";r=4;t=1' });
    return { admit, gatekeeper: { admit, limitFields } as unknown as Gatekeeper };
  };

  test('a key is counted once, and named to the log; the answer tells its limits', async () => {
    const { admit, gatekeeper } = keeperOf(letIn());
    const { send, info } = answersOf({ gatekeeper });
    const sent = { path: '/models/sentiment/predict', headers: { authorization: 'Bearer abc' } };
    const { status, headers } = partsOf(await send({ inputs: 'good' }, sent));
    expect(status).toBe('HTTP/1.1 200 OK');
    expect(headers).toMatchObject({ 'ratelimit-policy': '"rate";q=5;w=1', ratelimit: '"rate";r=4;t=1' });
    expect(admit).toHaveBeenCalledExactlyOnceWith({
      presented: 'abc',
      scope: 'predict',
      model: 'sentiment',
      counts: true,
    });
    expect(info).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ key: 'shop' }), 'request');
  });

  test('one that is nobody’s gets in nowhere, not even to hear of the queue', async () => {
    const { send, asked, check } = answersOf({ ...keeperOf(turnAway), mayRefuse: true });
    const { status, headers, body } = partsOf(await send({ inputs: 'good' }));
    expect(status).toBe('HTTP/1.1 401 Unauthorized');
    expect(headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    expect(body).toMatchObject({ code: 'SERVAL_KEY_UNKNOWN' });
    expect(asked).not.toHaveBeenCalled();
    expect(check).not.toHaveBeenCalled();
  });

  test('a key of one model needs not name it, and gets at no other', async () => {
    const { send, asked } = answersOf(keeperOf(letIn(['sentiment'])));
    await send({ inputs: 'good' });
    expect(asked.mock.calls[0]?.[0]).toMatchObject({ model: 'sentiment' });
    const { status } = partsOf(await send({ model: 'other', inputs: 'good' }));
    expect(status).toBe('HTTP/1.1 403 Forbidden');
    expect(asked).toHaveBeenCalledOnce();
  });

  test('what is left to node:http is not counted here', async () => {
    const { admit, gatekeeper } = keeperOf(letIn());
    const { send } = answersOf({ gatekeeper });
    expect(await send({ inputs: [] })).toBeNull();
    expect(await send({ inputs: 'good' }, { path: '/hf/models/sentiment' })).toBeNull();
    expect(admit).not.toHaveBeenCalled();
  });

  test('a queue that is too long is told to who has a key', async () => {
    const { send } = answersOf({ ...keeperOf(letIn()), mayRefuse: true });
    const { status, headers } = partsOf(await send({ inputs: 'good' }));
    expect(status).toBe('HTTP/1.1 429 Too Many Requests');
    expect(headers).toMatchObject({ 'retry-after': '2', ratelimit: '"rate";r=4;t=1' });
  });
});

test('an image file is predicted as it came', async () => {
  const { send, asked, requestAnswered } = answersOf({ predict: async () => ({ ...ANSWER, imageBytes: 10 }) });
  const sent = { path: '/models/imagenet/predict', headers: { 'content-type': 'image/jpeg' } };
  const { status } = partsOf(await send('some bytes', sent));
  expect(status).toBe('HTTP/1.1 200 OK');
  const inputs = [{ kind: 'image', bytes: Buffer.from('some bytes') }];
  expect(asked.mock.calls[0]?.[0]).toMatchObject({ model: 'imagenet', inputs });
  expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ route: '/models/:model/predict', served: expect.objectContaining({ imageBytes: 10 }) }),
  );
});

test('a query says what a body may', async () => {
  const { send, asked } = answersOf();
  const query = 'model=imagenet&timeout_ms=700&top_k=1&priority=background';
  await send('some bytes', { path: `/predict?${query}`, headers: { 'content-type': 'image/jpeg' } });
  expect(asked.mock.calls[0]?.[0]).toMatchObject({
    model: 'imagenet',
    timeoutMs: 700,
    options: { topK: 1 },
    priority: 'background',
  });
});

describe('an image that comes while the queue is long', () => {
  const head = (type: string) => {
    const lines = ['POST /models/a/predict?timeout_ms=500 HTTP/1.1', 'host: a', `content-type: ${type}`];
    return readPlainHead(Buffer.from(`${lines.join('\r\n')}\r\ncontent-length: 9000\r\n\r\n`));
  };
  const refuse = ({ answers }: Pick<ReturnType<typeof answersOf>, 'answers'>, type = 'image/jpeg') => {
    const plain = head(type);
    const prediction = plain && answers.expect(plain);
    if (!plain || !prediction) throw new Error('not expected');
    return answers.refuse(prediction, plain);
  };

  test('is refused by its head, and told of', () => {
    const parts = answersOf({ mayRefuse: true });
    const [answer] = refuse(parts)?.pieces ?? [];
    expect(answer).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\n.*retry-after: 2\r\n.*SERVAL_OVERLOADED/s);
    const fields = { route: '/models/:model/predict', statusCode: 429, errorCode: 'SERVAL_OVERLOADED' };
    expect(parts.requestAnswered).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(fields));
    expect(parts.info).toHaveBeenCalledOnce();
    expect(parts.check).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ timeoutMs: 500 }));
  });

  test('is not where it has time, and neither is JSON with no more than a query, as its body may say otherwise', () => {
    for (const [parts, type] of [
      [answersOf(), 'image/jpeg'],
      [answersOf({ mayRefuse: true }), 'application/json'],
    ] as const) {
      expect(refuse(parts, type)).toBeNull();
      expect(parts.requestAnswered).not.toHaveBeenCalled();
    }
  });

  test('is told first that it has no key, where it has none', () => {
    const error = new ServalError('SERVAL_KEY_MISSING', 'no key');
    const admit = vi.fn(() => ({ admitted: false, client: null, error }) as unknown as Decision);
    const gatekeeper = { admit, limitFields: () => null } as unknown as Gatekeeper;
    const [answer] = refuse(answersOf({ mayRefuse: true, gatekeeper }))?.pieces ?? [];
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
    expect(admit).toHaveBeenCalledOnce();
  });
});

describe('JSON that comes while the queue is long', () => {
  const KEY = 'a/1';
  /** @returns what its head alone is answered with. */
  const refuse = (
    { answers }: Pick<ReturnType<typeof answersOf>, 'answers'>,
    { path = '/models/a/predict', lines = ['x-request-timeout-ms: 500'] }: { path?: string; lines?: string[] } = {},
  ) => {
    const head = [`POST ${path} HTTP/1.1`, 'host: a', 'content-type: application/json', ...lines, 'content-length: 40'];
    const plain = readPlainHead(Buffer.from(`${head.join('\r\n')}\r\n\r\n`));
    const prediction = plain && answers.expect(plain);
    if (!plain || !prediction) throw new Error('not expected');
    return answers.refuse(prediction, plain);
  };

  test('is refused by its head, where that names model and time', () => {
    const keyOf = vi.fn(() => KEY);
    const parts = answersOf({ mayRefuse: true, keyOf });
    const [answer] = refuse(parts, { path: '/models/a/versions/3/predict' })?.pieces ?? [];
    expect(answer).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\n.*retry-after: 2\r\n.*SERVAL_OVERLOADED/s);
    expect(keyOf).toHaveBeenCalledExactlyOnceWith('a', 3);
    expect(parts.check).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ versionKey: KEY, timeoutMs: 500 }));
    const fields = { route: '/models/:model/versions/:version/predict', statusCode: 429, served: null };
    expect(parts.requestAnswered).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(fields));
    expect(parts.info).toHaveBeenCalledOnce();
  });

  test.each([
    ['there is time', { mayRefuse: false, keyOf: () => KEY }, {}],
    ['its body names the model', { mayRefuse: true, keyOf: () => KEY }, { path: '/predict' }],
    ['its body may allow more than is usual', { mayRefuse: true, keyOf: () => KEY }, { lines: [] }],
    [
      'its body may allow more than its query',
      { mayRefuse: true, keyOf: () => KEY },
      { path: '/models/a/predict?timeout_ms=5', lines: [] },
    ],
    ['there is no such version', { mayRefuse: true, keyOf: () => null }, {}],
  ])('is not where %s', (_, parts, request) => {
    const { answers, requestAnswered } = answersOf(parts);
    expect(refuse({ answers }, request)).toBeNull();
    expect(requestAnswered).not.toHaveBeenCalled();
  });

  test('is told first that it has no key, where it has none', () => {
    const error = new ServalError('SERVAL_KEY_MISSING', 'no key');
    const admit = vi.fn(() => ({ admitted: false, client: null, error }) as unknown as Decision);
    const gatekeeper = { admit, limitFields: () => null } as unknown as Gatekeeper;
    const [answer] = refuse(answersOf({ mayRefuse: true, gatekeeper, keyOf: () => KEY }))?.pieces ?? [];
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
  });
});

describe('an inference of the Open Inference Protocol', () => {
  const path = '/v2/models/sentiment.graph/versions/2/infer';
  const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }] };

  test('is answered with its tensors behind the JSON', async () => {
    const { send, inferred, requestAnswered, info } = answersOf();
    const answer = await send(body, { path, headers: { 'x-request-id': 'abc', 'x-request-timeout-ms': '800' } });
    const { status, headers } = partsOf({ ...answer, pieces: [`${answer?.pieces[0]}{}`], isLast: false });
    expect(status).toBe('HTTP/1.1 200 OK');
    const [, json, tensor] = answer?.pieces ?? [];
    expect(JSON.parse(String(json))).toMatchObject({ model_name: 'sentiment.graph', model_version: '2', id: 'abc' });
    expect(tensor).toEqual(Buffer.from(TENSOR.data.buffer));
    expect(headers).toMatchObject({
      'x-request-id': 'abc',
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json?.length),
      'content-length': String((json?.length ?? 0) + 8),
    });
    expect(inferred).toHaveBeenCalledExactlyOnceWith(
      { name: 'sentiment.graph', version: 2, timeoutMs: 800 },
      expect.objectContaining({ inputs: [expect.objectContaining({ name: 'x', shape: [2] })] }),
      CLIENT,
    );
    const route = '/v2/models/:model/versions/:version/infer';
    const served = { model: 'sentiment.graph', version: 2, items: 1 };
    expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        protocol: 'open-inference',
        route,
        statusCode: 200,
        served: expect.objectContaining(served),
      }),
    );
    expect(info).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ reqId: 'abc', route, ...served }),
      'request',
    );
  });

  test.each([
    ['a body that is no JSON', '{'],
    ['a tensor of another length', { inputs: [{ ...body.inputs[0], data: [1] }] }],
  ])('has the protocol’s errors: %s', async (_name, sent) => {
    const { send, requestAnswered } = answersOf();
    const { headers, body: told } = partsOf(await send(sent, { path }));
    expect(told).toEqual({ error: expect.any(String) });
    expect(headers['content-type']).toBe('application/json');
    expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ statusCode: 400 }));
  });

  test('hears of a queue that is too long: its version’s, where it allows a time', async () => {
    const { send, inferred, check } = answersOf({ keyOf: (model, version) => `${model}/${version}` });
    const asked = { path, headers: { 'x-request-timeout-ms': '800' } };
    const { status, headers, body: told } = partsOf(await send(body, asked));
    expect(check).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ versionKey: 'sentiment.graph/2', timeoutMs: 800 }),
    );
    expect(status).toBe('HTTP/1.1 429 Too Many Requests');
    expect(headers['retry-after']).toBe('2');
    expect(told).toEqual({ error: 'too long' });
    expect(inferred).not.toHaveBeenCalled();
  });
});

describe('a body that comes in pieces', () => {
  const headOf = (bytes: number) => {
    const lines = [
      'POST /models/a/predict HTTP/1.1',
      'host: a',
      'content-type: image/jpeg',
      `content-length: ${bytes}`,
    ];
    const head = readPlainHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`));
    if (head === null) throw new Error('the head is not plain');
    return head;
  };
  const holdIn = ({ answers }: Pick<ReturnType<typeof answersOf>, 'answers'>, bytes: number) => {
    const head = headOf(bytes);
    const prediction = answers.expect(head);
    if (prediction === null) throw new Error('not expected');
    return answers.hold(prediction, head);
  };

  test('counts among all that are received until it is answered', () => {
    const parts = answersOf();
    const release = holdIn(parts, 600_000);
    expect(parts.budget.bytes).toBe(600_000);
    expect(holdIn(parts, 600_000)).toBeNull();
    release?.();
    expect(parts.budget.bytes).toBe(0);
  });

  test('is not waited for where there is no time for it', () => {
    const parts = answersOf();
    parts.check.mockImplementation(() => {
      throw new ServalError('SERVAL_OVERLOADED', 'too long');
    });
    expect(holdIn(parts, 600_000)).toBeNull();
    expect(parts.budget.bytes).toBe(0);
  });

  test.each([true, false])('is waited for where there is a key for it: %s', (known) => {
    const knows = vi.fn(() => known);
    const parts = answersOf({ gatekeeper: { knows } as unknown as Gatekeeper });
    expect(holdIn(parts, 600_000) !== null).toBe(known);
    expect(knows).toHaveBeenCalledExactlyOnceWith({ presented: null, scope: 'predict', model: 'a' });
  });

  test('too large a one is not expected', () => {
    expect(answersOf().answers.expect(headOf(5_000_000))).toBeNull();
  });

  test('is told of where its client went away before it was whole', () => {
    const { answers, requestAnswered } = answersOf();
    const head = headOf(600_000);
    const prediction = answers.expect(head);
    if (prediction === null) throw new Error('not expected');
    answers.abandon(prediction, head);
    expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ statusCode: 499, errorCode: 'SERVAL_CLIENT_CLOSED', served: null }),
    );
  });
});

test('a client that has gone counts as gone', async () => {
  const { send, requestAnswered } = answersOf();
  await send({ inputs: 'good' }, { client: { ...CLIENT, isClosed: () => true } });
  expect(requestAnswered).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ statusCode: 499, errorCode: 'SERVAL_CLIENT_CLOSED' }),
  );
});

test('the answer ends the connection where the client wants it, or the server drains', async () => {
  const { send, state } = answersOf({
    predict: async () => {
      state.phase = 'draining';
      return ANSWER;
    },
  });
  const drained = await send({ inputs: 'good' });
  expect(drained?.isLast).toBe(true);
  expect(partsOf(drained).headers).toMatchObject({ connection: 'close' });
  state.phase = 'ready';
  const closed = await answersOf().send({ inputs: 'good' }, { headers: { connection: 'close' } });
  expect(closed?.isLast).toBe(true);
});

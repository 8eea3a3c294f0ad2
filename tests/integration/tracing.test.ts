import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GrpcClient } from '../fixtures/grpc-client.ts';
import { type CollectedSpan, OtlpCollector } from '../fixtures/otlp-collector.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const PARENT_SPAN = '00f067aa0ba902b7';
const EXPORT_MS = 20_000;

let models: string;
let endpoint: string;
let serval: ServalProcess;
const collector = new OtlpCollector();

/** Tells what it loads of OpenTelemetry, its API apart, which the metrics' library loads. */
const LOADS = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ load(url, context, next) {
    if (/@opentelemetry\\/(?!api\\/)/.test(url)) console.log('LOADED ' + url);
    return next(url, context);
  } });`)}`;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'));
  // Some tens of ms a batch, whatever it holds.
  await writeTextModel(path.join(models, 'slow'), { graph: { slowness: 4 } });
  endpoint = await collector.listen();
  serval = await start({ TRACING: 'otlp', GRPC_PORT: 0, WORKERS: 1 });
});

afterAll(async () => {
  await serval.kill();
  await collector.close();
  await removeFolder(models);
});

function start(settings: Record<string, string | number>): Promise<ServalProcess> {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_RESOURCE_ATTRIBUTES: 'deployment.name=here' };
  return startServal({ models, settings, environment, nodeArguments: ['--import', LOADS] });
}

/** A caller's trace that is new. */
function newTrace(flags = '01') {
  const traceId = randomBytes(16).toString('hex');
  return { traceId, headers: { traceparent: `00-${traceId}-${PARENT_SPAN}-${flags}` } };
}

/** The trace's spans, when its request's own is there, which is sent last. */
async function whenCollected(traceId: string): Promise<CollectedSpan[]> {
  const isWhole = () => collector.spansOf(traceId).some(({ parentSpanId }) => parentSpanId === PARENT_SPAN);
  await expect.poll(isWhole, { timeout: EXPORT_MS }).toBe(true);
  return collector.spansOf(traceId);
}

function only(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const [span, ...others] = spans.filter((candidate) => candidate.name === name);
  if (span === undefined || others.length > 0) throw new Error(`${others.length} other ${name} in ${namesOf(spans)}`);
  return span;
}

function namesOf(spans: readonly CollectedSpan[]): string[] {
  return spans.map(({ name }) => name).sort();
}

test('a request’s parts are spans of its caller’s trace, one after the other', async () => {
  const { traceId, headers } = newTrace();
  const answer = await serval.post('/models/tiny/predict', { inputs: ['good film', 'bad'] }, { headers });
  expect(answer.status).toBe(200);
  const spans = await whenCollected(traceId);
  expect(namesOf(spans)).toEqual(['POST /models/:model/predict', 'collate', 'decode', 'encode', 'queue', 'run']);
  const request = only(spans, 'POST /models/:model/predict');
  expect(request).toMatchObject({
    isError: false,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/models/:model/predict',
      'http.response.status_code': 200,
      'serval.model': 'tiny',
      'serval.version': 1,
      'serval.items': 2,
    },
    resource: { 'service.name': 'serval', 'deployment.name': 'here' },
  });
  const parts = ['encode', 'queue', 'collate', 'run', 'decode'].map((name) => only(spans, name));
  let before = request.from;
  for (const part of parts) {
    expect(part.parentSpanId).toBe(request.spanId);
    // Two clocks, and their rounding.
    expect(part.from).toBeGreaterThanOrEqual(before - 0.5);
    expect(part.to).toBeGreaterThanOrEqual(part.from);
    before = part.to;
  }
  expect(before).toBeLessThanOrEqual(request.to + 0.5);
  expect(only(spans, 'run').attributes).toMatchObject({
    'serval.model': 'tiny',
    'serval.version': 1,
    'serval.worker': 1,
  });
  expect(collector.paths).toEqual(new Set(['POST /v1/traces']));
});

test('the items of several requests that ran in one batch say so', async () => {
  // While the first keeps the only worker busy, the others meet in the queue.
  const traces = Array.from({ length: 4 }, (_, k) => ({ ...newTrace(), inputs: ['good', 'bad', 'fine', 'film'][k] }));
  await Promise.all(traces.map(({ headers, inputs }) => serval.post('/models/slow/predict', { inputs }, { headers })));
  const runs = (await Promise.all(traces.map(({ traceId }) => whenCollected(traceId)))).map((spans) =>
    only(spans, 'run'),
  );
  const byBatch = Map.groupBy(runs, ({ attributes }) => attributes['serval.batch.id']);
  const shared = [...byBatch.values()].find(({ length }) => length > 1) ?? [];
  expect(shared.length).toBeGreaterThan(1);
  for (const { attributes, from, to } of shared) {
    expect(attributes['serval.batch.items']).toBe(shared.length);
    expect(attributes['serval.items']).toBe(1);
    expect(Math.abs(from - (shared[0]?.from ?? 0)) + Math.abs(to - (shared[0]?.to ?? 0))).toBeLessThan(0.1);
  }
  expect(byBatch.size).toBeGreaterThan(1);
});

test('a request of many items has the parts of each of its batches', async () => {
  const { traceId, headers } = newTrace();
  const words = ['good', 'bad', 'fine', 'film'];
  const inputs = Array.from({ length: 40 }, (_, k) => `${words[k % 4]} ${words[(k >> 2) % 4]} ${words[(k >> 4) % 4]}`);
  await serval.post('/models/tiny/predict', { inputs }, { headers });
  const spans = await whenCollected(traceId);
  const runs = spans.filter(({ name }) => name === 'run');
  expect(runs.length).toBeGreaterThan(1);
  expect(new Set(runs.map(({ attributes }) => attributes['serval.batch.id'])).size).toBe(runs.length);
  expect(runs.reduce((total, { attributes }) => total + Number(attributes['serval.items']), 0)).toBe(40);
  expect(spans.filter(({ name }) => name === 'queue')).toHaveLength(runs.length);
});

test('a request that waited too long shows where it was', async () => {
  const { traceId, headers } = newTrace();
  const busy = Array.from({ length: 12 }, (_, k) =>
    serval.post('/models/slow/predict', { inputs: `${'good '.repeat(k + 2)}film` }),
  );
  const late = await serval.post(
    '/models/slow/predict',
    { inputs: 'late', parameters: { timeout_ms: 60 } },
    { headers },
  );
  await Promise.all(busy);
  // Refused at the door where the wait was predicted; else taken, and given up.
  expect([429, 504]).toContain(late.status);
  const spans = await whenCollected(traceId);
  const request = only(spans, 'POST /models/:model/predict');
  expect(request.attributes['error.type']).toMatch(/^SERVAL_(DEADLINE_EXCEEDED|OVERLOADED)$/);
  expect(request.isError).toBe(late.status === 504);
  if (late.status === 504) {
    expect(only(spans, 'queue').attributes['error.type']).toBe('SERVAL_DEADLINE_EXCEEDED');
    expect(namesOf(spans)).not.toContain('run');
  }
});

test('a caller’s own mistake is no error of the server', async () => {
  const { traceId, headers } = newTrace();
  await serval.post('/models/tiny/predict', { inputs: '' }, { headers });
  const request = only(await whenCollected(traceId), 'POST /models/:model/predict');
  expect(request).toMatchObject({ isError: false, attributes: { 'error.type': 'SERVAL_EMPTY_INPUT' } });
});

test('gRPC carries traces in its metadata', async () => {
  const { traceId, headers } = newTrace();
  const listening = await serval.whenLogged('listening for gRPC');
  const client = new GrpcClient(Number(listening.port));
  const metadata = new Metadata();
  metadata.set('traceparent', headers.traceparent);
  const input = { name: 'text', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.from('good')] } };
  await client.call('ModelInfer', { model_name: 'tiny', inputs: [input] }, {}, metadata);
  client.client.close();
  const spans = await whenCollected(traceId);
  const call = only(spans, 'inference.GRPCInferenceService/ModelInfer');
  expect(call.attributes).toMatchObject({ 'rpc.system': 'grpc', 'rpc.method': 'ModelInfer', 'serval.model': 'tiny' });
  expect(only(spans, 'run').parentSpanId).toBe(call.spanId);
});

test('a request without a caller’s trace begins one, and the log names it', async () => {
  await serval.post('/models/tiny/predict', { inputs: 'good' }, { headers: { 'x-request-id': 'no-parent' } });
  const line = () => serval.logged('request').find(({ reqId }) => reqId === 'no-parent');
  await expect.poll(line).toBeDefined();
  const traceId = String(line()?.trace_id);
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  await expect.poll(() => namesOf(collector.spansOf(traceId)), { timeout: EXPORT_MS }).toContain('run');
  expect(only(collector.spansOf(traceId), 'POST /models/:model/predict').parentSpanId).toBeNull();
});

test('what a caller does not sample is not sent', async () => {
  const [silent, loud] = [newTrace('00'), newTrace()];
  await serval.post('/models/tiny/predict', { inputs: 'good' }, { headers: silent.headers });
  await serval.post('/models/tiny/predict', { inputs: 'good' }, { headers: loud.headers });
  await whenCollected(loud.traceId);
  expect(collector.spansOf(silent.traceId)).toEqual([]);
});

test('a header that is no traceparent is as good as none', async () => {
  const answer = await serval.post(
    '/models/tiny/predict',
    { inputs: 'good' },
    { headers: { traceparent: 'x'.repeat(55) } },
  );
  expect(answer.status).toBe(200);
});

describe('another server', () => {
  test('that samples nothing of its own follows its callers, and sends what is left when it stops', async () => {
    const other = await start({ TRACING: 'otlp', TRACE_RATIO: 0 });
    const { traceId, headers } = newTrace();
    await other.post('/models/tiny/predict', { inputs: 'good' }, { headers: { 'x-request-id': 'unsampled' } });
    await other.post('/models/tiny/predict', { inputs: 'good' }, { headers });
    await other.stop();
    expect(namesOf(collector.spansOf(traceId))).toContain('run');
    const line = other.logged('request').find(({ reqId }) => reqId === 'unsampled');
    expect(line).toBeDefined();
    expect(line).not.toHaveProperty('trace_id');
  });

  test('whose collector refuses serves as ever, and says so once', async () => {
    collector.status = 400;
    const other = await start({ TRACING: 'otlp' });
    try {
      for (let k = 0; k < 5; k++) expect((await other.predict({ model: 'tiny', inputs: 'good' })).model).toBe('tiny');
      await other.stop();
      expect(other.logged('traces cannot be sent, they are lost')).toHaveLength(1);
    } finally {
      collector.status = 200;
    }
  });

  test('that does not trace loads no part of OpenTelemetry’s SDK, and takes a traceparent as it takes any header', async () => {
    const other = await start({});
    try {
      const answer = await other.post('/models/tiny/predict', { inputs: 'good' }, newTrace());
      expect(answer.status).toBe(200);
      expect(other.output).not.toContain('LOADED ');
      expect(serval.output).toContain('LOADED ');
    } finally {
      await other.kill();
    }
  });
});

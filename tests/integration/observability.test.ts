import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { documentedMetrics } from '../../docs/readme-tables.ts';
import { type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

let models: string;
let serval: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'));
  serval = await startServal({ models, settings: { MAX_INPUT_CHARS: 100 } });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

async function metricsText(): Promise<string> {
  return String((await serval.get('/metrics')).body);
}

function seriesOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.slice(0, line.lastIndexOf(' ')));
}

describe('/metrics', () => {
  const documented = documentedMetrics();

  test.each(documented)('has $name as it is documented', async ({ name, type, help }) => {
    const text = await metricsText();
    expect(text).toContain(`# HELP ${name} ${help}\n`);
    expect(text).toContain(`# TYPE ${name} ${type}\n`);
  });

  test.each(documented)('names $name by Prometheus’ convention', ({ name, type }) => {
    expect(name).toMatch(/^serval_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (type === 'histogram') expect(name).toMatch(/_(seconds|items|bytes|pixels)$/);
  });

  test('counts a prediction where it belongs', async () => {
    const series = {
      requests:
        'serval_requests_total{protocol="serval",method="POST",route="/predict",status="200",model="tiny",version="1"}',
      latency: 'serval_request_duration_seconds_count{protocol="serval",route="/predict",model="tiny",version="1"}',
      encode: 'serval_encode_duration_seconds_count{model="tiny",version="1"}',
      items: 'serval_items_total{model="tiny",version="1"}',
      queue: 'serval_queue_duration_seconds_count{model="tiny",version="1"}',
    };
    const read = async () =>
      Object.fromEntries(
        await Promise.all(Object.entries(series).map(async ([k, name]) => [k, await serval.metric(name)])),
      );
    const before = await read();
    await serval.predict({ inputs: ['good', 'bad', 'film'] });
    await expect.poll(read).toEqual({
      requests: before.requests + 1,
      latency: before.latency + 1,
      encode: before.encode + 1,
      items: before.items + 3,
      queue: before.queue + 3,
    });
  });

  test('tells the CPU time and memory of each worker, and the main process’s own', async () => {
    // Workers tell it every two seconds.
    await waitFor(async () => (await serval.metric('serval_worker_resident_memory_bytes{worker="1"}')) > 1e6);
    expect(await serval.metric('serval_worker_cpu_seconds{worker="2"}')).toBeGreaterThan(0);
    expect(await serval.metric('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(await serval.metric('serval_model_load_duration_seconds{model="tiny",version="1"}')).toBeGreaterThan(0);
  });

  test('tells what runs each version in how many workers', async () => {
    expect(await serval.metric('serval_execution_provider{model="tiny",version="1",provider="cpu"}')).toBe(2);
  });

  test('gains no series from what clients make up', async () => {
    const madeUp = async (k: string) => {
      await serval.get(`/made-up-${k}`);
      await serval.get(`/models/made-up-${k}`);
      await serval.post(`/models/made-up-${k}/predict`, { inputs: 'good' });
      await serval.post(`/models/tiny/versions/${k}00/predict`, { inputs: 'good' });
      await serval.post('/predict', { model: `made-up-${k}`, inputs: 'good' }, { headers: { 'x-request-id': k } });
      await serval.get(`/docs/static/made-up-${k}`);
    };
    await madeUp('1');
    const before = seriesOf(await metricsText());
    for (let k = 2; k < 12; k++) await madeUp(String(k));
    const after = seriesOf(await metricsText());
    // A kind of garbage collection has its series once there was one, whatever clients do; there are four.
    const isCollection = (name: string) => /^nodejs_gc_.*kind="(major|minor|incremental|weakcb)"/.test(name);
    expect(after.filter((name) => !before.includes(name) && !isCollection(name))).toEqual([]);
    expect(after.join()).not.toContain('made-up');
  });
});

describe('the log', () => {
  test('has one line a request, with its id, route, status and version', async () => {
    await serval.post('/predict', { inputs: ['good', 'bad'] }, { headers: { 'x-request-id': 'log-1' } });
    const lines = () => serval.logged('request').filter(({ reqId }) => reqId === 'log-1');
    await expect.poll(lines).toHaveLength(1);
    expect(lines()[0]).toMatchObject({
      level: 30,
      method: 'POST',
      route: '/predict',
      status: 200,
      model: 'tiny',
      version: 1,
      items: 2,
      ms: expect.any(Number),
    });
  });

  test('says why a request was refused', async () => {
    await serval.post('/predict', { inputs: '' }, { headers: { 'x-request-id': 'log-2' } });
    const lines = () => serval.logged('request').filter(({ reqId }) => reqId === 'log-2');
    await expect.poll(lines).toEqual([expect.objectContaining({ status: 422, code: 'SERVAL_EMPTY_INPUT' })]);
  });

  test('never holds the input, however it was sent', async () => {
    const secret = 'xyzzy';
    await serval.post('/predict', { inputs: secret });
    await serval.post('/predict', { inputs: [secret, ''] });
    await serval.post('/predict', { inputs: secret.repeat(40) });
    await serval.post('/predict', { inputs: secret, [secret]: 1 });
    await serval.post('/predict', `{"inputs": "${secret}`);
    await serval.post('/predict', { inputs: { image: secret } });
    await serval.post('/predict', secret, { headers: { 'content-type': 'text/plain' } });
    await serval.get(`/predict?inputs=${secret}`);
    await serval.get(`/${secret}`);
    await serval.get('/health/live', { 'x-request-id': 'log-3' });
    await expect.poll(() => serval.output).toContain('log-3');
    expect(serval.output).not.toContain(secret);
  });
});

import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServalOptions, ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { goldenFile, writeFiles, writeTextModel } from '../fixtures/text-model.ts';

let models: string;
let serval: ServalProcess | null = null;

beforeEach(async () => {
  models = await makeFolder();
});

afterEach(async () => {
  await serval?.kill();
  await removeFolder(models);
});

async function start(options: Partial<ServalOptions> = {}): Promise<ServalProcess> {
  serval = await startServal({ models, ...options });
  return serval;
}

/** A server that is not waited for. */
function launch(options: Partial<ServalOptions> = {}): ServalProcess {
  serval = new ServalProcess({ models, ...options });
  return serval;
}

describe('a server that cannot start', () => {
  test('because of its configuration names every wrong variable', async () => {
    const target = launch({ settings: { PORT: 'http', WORKERS: 0, COLOUR: 'red' } });
    expect(await target.exited).toEqual({ code: 1, signal: null });
    expect(target.output).toContain('SERVAL_PORT="http": must be a whole number');
    expect(target.output).toContain('SERVAL_WORKERS="0"');
    expect(target.output).toContain('SERVAL_COLOUR: no such setting');
    expect(target.output).not.toContain('    at ');
  });

  test('because there is no models folder says which', async () => {
    const target = launch({ models: path.join(models, 'nowhere') });
    expect(await target.exited).toEqual({ code: 1, signal: null });
    expect(target.output).toContain('nowhere');
  });

  test('because its port is taken says so', async () => {
    await writeTextModel(path.join(models, 'tiny'));
    const first = await start();
    const second = new ServalProcess({ models, settings: { PORT: first.port } });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.output).toContain('EADDRINUSE');
  });
});

test('while models load and verify, the server is live, not ready, and refuses predictions', async () => {
  await writeTextModel(path.join(models, 'slow'), { graph: { slowness: 10 } });
  const target = launch();
  await target.whenListening();
  const [live, ready, ...predicted] = await Promise.all([
    target.get('/health/live'),
    target.get('/health/ready'),
    target.post('/models/slow/predict', { inputs: 'good' }),
    // Whether the model is there is not known yet: a load balancer must not take it for an answer.
    target.post('/models/other/predict', { inputs: 'good' }),
  ]);
  expect(live).toMatchObject({ status: 200, body: { status: 'live' } });
  expect(ready).toMatchObject({ status: 503, body: { status: 'starting' } });
  for (const answer of predicted) expect(answer).toMatchObject({ status: 503, body: { code: 'SERVAL_STARTING' } });
  await target.whenLogged('ready');
  expect(await target.get('/health/ready')).toMatchObject({ status: 200, body: { status: 'ready' } });
});

test('a models folder without a model is served, but is not ready', async () => {
  const target = await start();
  expect(await target.get('/health/ready')).toMatchObject({ status: 503, body: { status: 'no_ready_model' } });
  expect(await target.get('/models')).toMatchObject({ status: 200, body: { models: [] } });
});

test('a version that leaves its golden scores never gets traffic, and the older one serves', async () => {
  await writeTextModel(path.join(models, 'tiny', '1'), { files: { 'golden.json': goldenFile(['good film']) } });
  const wrong = { reference: 'r', tolerance: 0.01, samples: [{ input: 'good film', scores: [1, 0, 0] }] };
  await writeTextModel(path.join(models, 'tiny', '2'), { files: { 'golden.json': wrong } });
  const target = await start();
  expect(await target.predict({ inputs: 'good film' })).toMatchObject({ version: 1 });
  expect(await target.get('/models/tiny')).toMatchObject({
    body: {
      served_version: 1,
      versions: [
        { state: 'ready', golden: { samples: 1 } },
        { state: 'failed', reason: expect.stringMatching(/0\.9\d+ off its reference, 0\.01 is allowed/) },
      ],
    },
  });
});

test('a folder with several faults shows all of them in GET /models and in the log', async () => {
  await writeTextModel(path.join(models, 'good', '1'));
  await writeTextModel(path.join(models, 'bad', '1'), {
    files: { 'config.json': '{', 'serval.json': { temperature: -1 } },
  });
  const target = await start();
  const { body } = await target.get('/models/bad');
  const [version] = (body as { versions: { state: string; reason: string }[] }).versions;
  expect(version?.state).toBe('failed');
  for (const fault of ['config.json: is not valid JSON', 'serval.json: temperature:']) {
    expect(version?.reason).toContain(fault);
    expect(JSON.stringify(target.logged('version failed'))).toContain(fault);
  }
});

test('a graph that the runtime cannot load fails its version, and no path of the machine is told', async () => {
  await writeTextModel(path.join(models, 'good', '1'));
  await writeTextModel(path.join(models, 'odd', '1'), { graph: { ending: 'Nonsense' } });
  const target = await start();
  const { body } = await target.get('/models/odd');
  expect(body).toMatchObject({ versions: [{ state: 'failed', reason: expect.stringContaining('Nonsense') }] });
  expect(JSON.stringify(body)).not.toContain(models);
});

test('a folder whose name cannot be a model’s is passed over, and the log says why', async () => {
  await writeTextModel(path.join(models, 'tiny', '1'));
  await writeFiles(path.join(models, 'my model'), { 'a.txt': 'x' });
  const target = await start();
  expect(target.logged('folder passed over')).toEqual([
    expect.objectContaining({ problem: expect.stringContaining('my model: not a model name') }),
  ]);
});

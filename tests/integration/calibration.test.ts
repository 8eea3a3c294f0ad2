import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const BUNDLED = ['imagenet/1', 'mnist/1', 'mnist/2', 'sentiment/1', 'sentiment/2'];

let serval: ServalProcess;

beforeAll(async () => {
  serval = await startServal({ models: path.resolve(MODELS), settings: { LOG_LEVEL: 'info', CALIBRATE: 'true' } });
});

afterAll(async () => {
  await serval.kill();
});

function calibrated(): string[] {
  return serval.logged('calibrated').map(({ version }) => String(version).split('@')[0] ?? '');
}

test('every bundled version is calibrated after the start, and the pages and metrics show the same figures', async () => {
  await expect.poll(() => calibrated().sort(), { timeout: 60_000, interval: 100 }).toEqual(BUNDLED);
  const { body } = await serval.get('/models/imagenet');
  const { versions } = body as { versions: { cost_ms: { base: number; per_token: number } }[] };
  const { base, per_token } = versions[0]?.cost_ms ?? { base: 0, per_token: 0 };
  expect(base + per_token).toBeGreaterThan(1);
  const series = (term: string) => `serval_cost_seconds{model="imagenet",version="1",term="${term}"}`;
  expect(await serval.metric(series('per_token'))).toBeCloseTo(per_token / 1000, 6);
  expect(await serval.metric('serval_queue_wait_seconds')).toBe(0);
});

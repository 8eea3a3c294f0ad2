import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKeys } from '../fixtures/api-keys.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const APP = 'https://app.example.com';
const { keys, lines } = makeKeys({ web: {} });

let models: string;
let plain: ServalProcess;
let open: ServalProcess;

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'));
  [plain, open] = await Promise.all([
    startServal({ models, settings: { WORKERS: 1, METRICS_PORT: 0 } }),
    startServal({ models, settings: { WORKERS: 1, CORS_ORIGINS: `${APP}, http://localhost:3000`, API_KEYS: lines } }),
  ]);
});

afterAll(async () => {
  await Promise.all([plain?.kill(), open?.kill()]);
  await removeFolder(models);
});

function preflight(serval: ServalProcess, origin: string, url = '/predict'): Promise<Response> {
  return fetch(`${serval.url}${url}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' },
  });
}

describe('pages of other origins', () => {
  test('may call nothing by default', async () => {
    const asked = await preflight(plain, APP);
    const answered = await plain.post('/predict', { inputs: 'good' }, { headers: { origin: APP } });
    expect(asked.status).toBe(405);
    for (const { headers } of [asked, answered]) expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test.each([APP, 'http://localhost:3000'])('may call from %s where it is allowed, with a key', async (origin) => {
    const asked = await preflight(open, origin);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
    expect(asked.headers.get('access-control-allow-headers')).toBe('x-api-key');
    const headers = { origin, 'x-api-key': keys.web };
    const answered = await open.post('/predict', { inputs: 'good' }, { headers });
    expect(answered.status).toBe(200);
    expect(answered.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answered.headers.get('access-control-allow-credentials')).toBeNull();
  });

  test('can read why they were refused', async () => {
    const refused = await open.post('/predict', { inputs: 'good' }, { headers: { origin: APP } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe(APP);
  });

  test('may call from nowhere else', async () => {
    for (const origin of ['https://evil.example.com', `${APP}.evil.com`, 'null']) {
      const asked = await preflight(open, origin);
      expect(asked.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('change nothing for paths and methods that are not there', async () => {
    expect((await open.get('/nothing')).status).toBe(404);
    expect((await open.get('/predict')).status).toBe(405);
  });
});

describe('the pages', () => {
  test.each(['/docs', '/docs/static/swagger-ui-bundle.js'])('%s tells the browser what it may do', async (url) => {
    const { headers } = await fetch(`${plain.url}${url}`);
    expect(headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    // Only where TLS is: a browser that believes it never comes back to plain text.
    expect(headers.get('strict-transport-security')).toBeNull();
  });

  test('are the only ones that do', async () => {
    const { headers } = await plain.post('/predict', { inputs: 'good' });
    expect(headers.get('content-security-policy')).toBeNull();
  });
});

test('/metrics on its own port is there alone, and only it is', async () => {
  const at = plain.records.find(({ msg }) => msg.startsWith('metrics on '))?.msg.slice('metrics on '.length);
  const metrics = await fetch(`${at}/metrics`);
  expect(metrics.headers.get('content-type')).toContain('text/plain');
  expect(await metrics.text()).toContain('# TYPE serval_requests_total counter');
  expect((await plain.get('/metrics')).status).toBe(404);
  for (const url of ['/predict', '/models', '/docs']) expect((await fetch(`${at}${url}`)).status).toBe(404);
  expect(await (await fetch(`${at}/nothing`)).json()).toMatchObject({ code: 'SERVAL_ROUTE_NOT_FOUND' });
});

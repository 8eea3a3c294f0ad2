import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { accessOf } from '../../src/http/route-access.ts';

/** Every route of the document, by what it asks for: a new route must be given its place here. */
const EXPECTED = {
  open: [
    'GET /',
    'GET /health/live',
    'GET /health/ready',
    'GET /tei/{model}/health',
    'GET /v2/health/live',
    'GET /v2/health/ready',
    'GET /v2/models/{model}/ready',
    'GET /v2/models/{model}/versions/{version}/ready',
  ],
  management: [
    'POST /models/{model}/unpin',
    'POST /models/{model}/versions/{version}/load',
    'POST /models/{model}/versions/{version}/promote',
    'POST /models/{model}/versions/{version}/unload',
    'POST /repository/reload',
    'POST /v2/repository/models/{model}/load',
    'POST /v2/repository/models/{model}/unload',
  ],
  metrics: ['GET /metrics'],
  read: [
    'GET /models',
    'GET /models/{model}',
    'GET /tei/{model}/info',
    'GET /v1/models',
    'GET /v1/models/{model}',
    'GET /v1/models/{model}/labels/{label}',
    'GET /v1/models/{model}/labels/{label}/metadata',
    'GET /v1/models/{model}/metadata',
    'GET /v1/models/{model}/versions/{version}',
    'GET /v1/models/{model}/versions/{version}/metadata',
    'GET /v2',
    'GET /v2/models/stats',
    'GET /v2/models/{model}',
    'GET /v2/models/{model}/stats',
    'GET /v2/models/{model}/versions/{version}',
    'GET /v2/models/{model}/versions/{version}/stats',
    'POST /v2/repository/index',
  ],
  predict: [
    'POST /hf/models/{model}',
    'POST /models/{model}/predict',
    'POST /models/{model}/versions/{version}/predict',
    'POST /predict',
    'POST /tei/{model}/predict',
    'POST /v1/models/{model}/labels/{label}:classify',
    'POST /v1/models/{model}/labels/{label}:predict',
    'POST /v1/models/{model}/versions/{version}:classify',
    'POST /v1/models/{model}/versions/{version}:predict',
    'POST /v1/models/{model}:classify',
    'POST /v1/models/{model}:predict',
    'POST /v2/models/{model}/infer',
    'POST /v2/models/{model}/versions/{version}/infer',
  ],
};

test('every route asks for what it should', async () => {
  const text = await readFile(new URL('../../openapi/openapi.json', import.meta.url), 'utf8');
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, unknown>> };
  const found: Record<string, string[]> = { open: [], management: [], metrics: [], read: [], predict: [] };
  for (const [url, operations] of Object.entries(paths)) {
    for (const name of Object.keys(operations)) {
      const method = name.toUpperCase();
      found[accessOf(method, url)]?.push(`${method} ${url}`);
    }
  }
  for (const list of Object.values(found)) list.sort();
  expect(found).toEqual(EXPECTED);
});

test.each(['/docs', '/docs/', '/docs/static/*', '/docs/json', '/openapi.json'])('the page %s is open', (url) => {
  expect(accessOf('GET', url)).toBe('open');
});

test.each(['/docsx', '/healthy', '/health', '/x/health/live', '/openapi.jsonx', '/metrics/x'])(
  'a route %s would not be open',
  (url) => {
    expect(accessOf('GET', url)).toBe('read');
  },
);

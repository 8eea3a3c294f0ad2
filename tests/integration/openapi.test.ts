import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

let models: string;
let serval: ServalProcess;
let document: Document;

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly examples?: readonly object[] }>> };
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

beforeAll(async () => {
  models = await makeFolder();
  await writeTextModel(path.join(models, 'tiny'));
  serval = await startServal({ models });
  document = (await serval.get('/openapi.json')).body as Document;
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(models);
});

/** What is wrong with an answer by the document; null where nothing is. */
function faultOf({ status, body }: Answer, route: string, method: string): unknown {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'document');
  const pointer = [route, method, 'responses', String(status), 'content', 'application/json', 'schema']
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const validate = ajv.getSchema(`document#/paths/${pointer}`);
  if (validate === undefined) return `the document has no ${status} for ${method} ${route}`;
  return validate(body) ? null : validate.errors;
}

test('the committed document is the running server’s; `npm run openapi` writes it', async () => {
  const committed: unknown = JSON.parse(await readFile(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'));
  expect(document).toEqual(committed);
});

describe('the answers are as the document says', () => {
  test.each([
    ['GET', '/health/live', '/health/live'],
    ['GET', '/health/ready', '/health/ready'],
    ['GET', '/models', '/models'],
    ['GET', '/models/{model}', '/models/tiny'],
    ['GET', '/models/{model}', '/models/nobody'],
  ])('%s %s (%s)', async (_, route, url) => {
    expect(faultOf(await serval.get(url), route, 'get')).toBeNull();
  });

  test.each([
    ['a text', '/predict', { inputs: 'good film' }],
    ['several texts', '/predict', { inputs: ['good', 'bad'], parameters: { top_k: 1 } }],
    ['a wrong type', '/predict', { inputs: 7 }],
    ['an empty text', '/predict', { inputs: '' }],
    ['an unknown model', '/predict', { model: 'nobody', inputs: 'good' }],
    ['too many inputs', '/predict', { inputs: Array.from({ length: 129 }, () => 'good') }],
  ])('POST /predict with %s', async (_, url, body) => {
    expect(faultOf(await serval.post(url, body), '/predict', 'post')).toBeNull();
  });

  test('the check can fail', () => {
    const answer = { status: 200, headers: new Headers(), body: { id: 'x', predictions: [] } };
    expect(faultOf(answer, '/predict', 'post')).not.toBeNull();
  });
});

test('the document’s own text examples work', async () => {
  const examples = document.components.schemas.PredictRequest?.examples ?? [];
  expect(examples.length).toBeGreaterThanOrEqual(2);
  for (const example of examples) expect((await serval.post('/predict', example)).status).toBe(200);
});

test('every answer that the document lists says what it means', () => {
  for (const methods of Object.values(document.paths)) {
    for (const { responses } of Object.values(methods)) {
      for (const { description } of Object.values(responses)) expect(description).not.toMatch(/^(|Default Response)$/);
    }
  }
});

test('/docs shows the routes in a browser', async () => {
  const page = await serval.get('/docs');
  expect(page).toMatchObject({ status: 200, body: expect.stringContaining('swagger-ui') });
  const script = await fetch(`${serval.url}/docs/static/swagger-ui-bundle.js`);
  expect(script.status).toBe(200);
});

test('SERVAL_DOCS=false takes /docs and /openapi.json away', async () => {
  const bare = await startServal({ models, settings: { DOCS: 'false', WORKERS: 1 } });
  const statuses = [(await bare.get('/docs')).status, (await bare.get('/openapi.json')).status];
  await bare.kill();
  expect(statuses).toEqual([404, 404]);
});

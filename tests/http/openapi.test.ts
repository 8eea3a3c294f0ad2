import { describe, expect, test } from 'vitest';
import document from '../../openapi/openapi.json' with { type: 'json' };

interface Operation {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Readonly<Record<string, unknown>> }>>;
  };
}

// The committed document is compared with the running server's by tests/integration/openapi.test.ts.
const bodies = Object.entries(document.paths as Record<string, { readonly post?: Operation }>)
  .filter(([path]) => path === '/predict' || path.startsWith('/models/'))
  .flatMap(([path, { post }]) => (post?.requestBody === undefined ? [] : [[path, post.requestBody.content] as const]));

test('predictions stand under three paths', () => {
  expect(bodies).toHaveLength(3);
});

describe.each(bodies)('POST %s', (_, content) => {
  test('offers JSON first, with the schema that the route checks', () => {
    expect(Object.keys(content)[0]).toBe('application/json');
    expect(content['application/json']?.schema.$ref).toMatch(/PredictRequest/);
  });

  test('offers a form with files, which Swagger UI shows a file picker for', () => {
    expect(content['multipart/form-data']?.schema).toMatchObject({
      required: ['file'],
      properties: { file: { type: 'array', items: { type: 'string', format: 'binary' } } },
    });
  });

  test.for(['image/jpeg', 'image/png', 'image/webp'])('offers %s as it is', (type) => {
    expect(content[type]?.schema).toEqual({ type: 'string', format: 'binary' });
  });
});

import { expect, test } from 'vitest';
import { MethodTable } from '../../src/http/method-table.ts';

function table(): MethodTable {
  const methods = new MethodTable();
  methods.add('/predict', 'POST');
  methods.add('/models/:model', ['GET', 'HEAD']);
  methods.add('/models/:model', 'DELETE');
  methods.add('/docs/*', 'GET');
  methods.add('/openapi.json', 'GET');
  methods.add('/v1/models/:model([^:/]+)', 'GET');
  methods.add('/v1/models/:model([^:/]+)::predict', 'POST');
  return methods;
}

test.each([
  ['/predict', ['POST']],
  ['/models/sentiment', ['DELETE', 'GET', 'HEAD']],
  ['/docs/static/page.css', ['GET']],
  ['/openapi.json', ['GET']],
  ['/v1/models/sentiment', ['GET']],
  ['/v1/models/sentiment:predict', ['POST']],
])('%s takes its route’s methods', (path, methods) => {
  expect(table().allowed(path)).toEqual(methods);
});

test.each(['/', '/predict/', '/predicts', '/models/', '/models/a/b', '/openapixjson', '/v1/models/a:b:predict', ''])(
  'no route has %j',
  (path) => {
    expect(table().allowed(path)).toEqual([]);
  },
);

import { expect, test } from 'vitest';
import { MethodTable } from '../../src/http/method-table.ts';

function table(): MethodTable {
  const methods = new MethodTable();
  methods.add('/predict', 'POST');
  methods.add('/models/:model', ['GET', 'HEAD']);
  methods.add('/models/:model', 'DELETE');
  methods.add('/docs/*', 'GET');
  methods.add('/openapi.json', 'GET');
  return methods;
}

test.each([
  ['/predict', ['POST']],
  ['/models/sentiment', ['DELETE', 'GET', 'HEAD']],
  ['/docs/static/page.css', ['GET']],
  ['/openapi.json', ['GET']],
])('%s takes its route’s methods', (path, methods) => {
  expect(table().allowed(path)).toEqual(methods);
});

test.each(['/', '/predict/', '/predicts', '/models/', '/models/a/b', '/openapixjson', ''])(
  'no route has %j',
  (path) => {
    expect(table().allowed(path)).toEqual([]);
  },
);

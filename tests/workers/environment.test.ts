import { expect, test } from 'vitest';
import { variableName } from '../../src/config.ts';
import { SETTINGS } from '../../src/settings.ts';
import { withoutSecrets } from '../../src/workers/environment.ts';

test('workers get no secret of the server’s, and all else', () => {
  const secrets = Object.entries(SETTINGS).filter(([, { unit }]) => unit === 'secret');
  expect(secrets.length).toBeGreaterThan(1);
  const environment = Object.fromEntries(secrets.map(([name]) => [variableName(name), 'a secret']));
  for (const signal of ['', 'TRACES_']) environment[`OTEL_EXPORTER_OTLP_${signal}HEADERS`] = 'authorization=secret';
  expect(withoutSecrets({ ...environment, PATH: '/bin', SERVAL_MODELS: 'models' })).toEqual({
    PATH: '/bin',
    SERVAL_MODELS: 'models',
  });
});

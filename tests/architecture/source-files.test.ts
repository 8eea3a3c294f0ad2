import { expect, test } from 'vitest';
import { sourceFiles } from './source-files.ts';

/** The rules are worth what the scan sees: here are imports of each kind that are known to be there. */
test('the scan sees imports of values, of types and of packages', () => {
  const files = sourceFiles();
  const app = files.find(({ name }) => name === 'http/app.ts');
  expect(app?.files).toContainEqual({ name: 'errors.ts', room: 'errors.ts', typeOnly: false });
  expect(app?.files).toContainEqual({ name: 'config.ts', room: 'config.ts', typeOnly: true });
  expect(app?.packages).toContain('fastify');
  const compilers = files.find(({ name }) => name === 'http/schema-compilers.ts');
  expect(compilers?.packages).toContain('@fastify/type-provider-zod');
});

test('the scan sees every file', () => {
  const files = sourceFiles();
  const imported = new Set(files.flatMap((file) => file.files.map(({ name }) => name)));
  expect([...imported].filter((name) => !files.some((file) => file.name === name))).toEqual([]);
});

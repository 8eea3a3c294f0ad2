import { describe, expect, test } from 'vitest';
import { parseMultipart } from '../../src/http/multipart.ts';
import { fieldPart, filePart, formOf, MULTIPART_TYPE, partOf } from '../fixtures/multipart-body.ts';

const MAX_FILES = 4;

async function parse(body: Buffer, type = MULTIPART_TYPE) {
  const { files, fields } = await parseMultipart(body, type, MAX_FILES);
  return { files: files.map((file) => Buffer.from(file).toString()), fields: { ...fields } };
}

function codeOf(body: Buffer, type = MULTIPART_TYPE): Promise<unknown> {
  return parse(body, type).then(
    () => 'none',
    (error) => error.code,
  );
}

describe('a form', () => {
  test('gives its files in order, and its fields', async () => {
    const body = formOf(filePart('one'), fieldPart('model', 'imagenet'), filePart('two'));
    expect(await parse(body)).toEqual({ files: ['one', 'two'], fields: { model: 'imagenet' } });
  });

  test('may hold a file with a line that looks like a boundary', async () => {
    expect((await parse(formOf(filePart('a\r\n--a-bound\r\nb')))).files).toEqual(['a\r\n--a-bound\r\nb']);
  });

  test('may hold a file larger than the slices in which it is parsed', async () => {
    const content = 'x'.repeat(200_000);
    expect((await parse(formOf(filePart(content)))).files).toEqual([content]);
  });

  test('a part of an image type is a file without a file name too', async () => {
    const image = partOf(['Content-Disposition: form-data; name="file"', 'Content-Type: image/png'], 'pixels');
    expect((await parse(formOf(image))).files).toEqual(['pixels']);
  });

  test('a field may have the name of a property of all objects', async () => {
    const { fields } = await parseMultipart(formOf(fieldPart('__proto__', 'x'), filePart('one')), MULTIPART_TYPE, 4);
    expect(Object.keys(fields)).toEqual(['__proto__']);
  });
});

describe('a broken form is malformed', () => {
  test.for([
    ['without a boundary', formOf(filePart('one')), 'multipart/form-data'],
    ['with another boundary', formOf(filePart('one')), 'multipart/form-data; boundary=another'],
    ['that is empty', Buffer.alloc(0), MULTIPART_TYPE],
    ['that is no form', Buffer.from('hello world'), MULTIPART_TYPE],
    ['cut in a file', filePart('one').subarray(0, -4), MULTIPART_TYPE],
    ['cut in a header', filePart('one').subarray(0, 40), MULTIPART_TYPE],
    ['cut before its last boundary', filePart('one'), MULTIPART_TYPE],
    ['with a part without a name', formOf(partOf(['Content-Disposition: form-data'], 'x')), MULTIPART_TYPE],
    ['with a long field', formOf(fieldPart('model', 'x'.repeat(2_000)), filePart('one')), MULTIPART_TYPE],
    ['with many fields', formOf(...Array.from({ length: 20 }, (_, k) => fieldPart(`f${k}`, 'x'))), MULTIPART_TYPE],
  ] as const)('%s', async ([, body, type]) => {
    expect(await codeOf(body, type)).toBe('SERVAL_MALFORMED_MULTIPART');
  });
});

describe('too many files', () => {
  test('are refused', async () => {
    const files = Array.from({ length: MAX_FILES + 1 }, () => filePart('one'));
    expect(await codeOf(formOf(...files))).toBe('SERVAL_TOO_MANY_INPUTS');
  });

  test('as many as allowed are taken', async () => {
    const files = Array.from({ length: MAX_FILES }, () => filePart('one'));
    expect((await parse(formOf(...files))).files).toHaveLength(MAX_FILES);
  });

  test('very many empty ones are refused before all are looked at', async () => {
    const body = formOf(Buffer.concat(Array.from({ length: 100_000 }, () => filePart(''))));
    const begun = performance.now();
    expect(await codeOf(body)).toBe('SERVAL_TOO_MANY_INPUTS');
    // Looking at all of them takes seconds, in which nobody else is answered.
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});

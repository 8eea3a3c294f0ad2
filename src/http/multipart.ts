import { Readable } from 'node:stream';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { ServalError } from '../errors.ts';
import { ImageUpload } from './image-upload.ts';

/** Fields are few and short; a form with more of them is not meant for this server. */
const MAX_FIELDS = 16;
const MAX_FIELD_BYTES = 1_024;
const LIMITS = { fields: MAX_FIELDS, fieldNameSize: 64, fieldSize: MAX_FIELD_BYTES, headerPairs: 32 };

/** Handed to the parser at a time, so that it can be stopped. */
const SLICE_BYTES = 65_536;

/**
 * Takes a whole multipart/form-data body apart: each part with a file name, or of a type other than text, is a file.
 * @throws ServalError SERVAL_MALFORMED_MULTIPART, or SERVAL_TOO_MANY_INPUTS at the first file over `maxFiles`: a small
 *   body can carry very many parts.
 */
export async function parseMultipart(body: Buffer, contentType: string, maxFiles: number): Promise<ImageUpload> {
  const files: Buffer[] = [];
  // Without a prototype: a field may be called __proto__.
  const fields: Record<string, string> = Object.create(null);
  const source = Readable.from(slicesOf(body));
  await new Promise<void>((resolve, reject) => {
    const fail = (error: ServalError) => {
      source.destroy();
      reject(error);
    };
    const notWhole = (cause: unknown) =>
      fail(malformed('is not whole; let your HTTP client make it, its boundary included', cause));
    try {
      const headers: BusboyHeaders = { 'content-type': contentType };
      const limits = { ...LIMITS, files: maxFiles, parts: maxFiles + MAX_FIELDS };
      const form = new Busboy({ headers, limits, isPartAFile });
      form.on('file', (_field, stream) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => files.push(Buffer.concat(chunks)));
        stream.on('error', notWhole);
      });
      form.on('field', (name, value, nameTruncated, valueTruncated) => {
        if (name === undefined) fail(malformed('has a part without a name'));
        else if (nameTruncated || valueTruncated) fail(malformed(`has a field of more than ${MAX_FIELD_BYTES} bytes`));
        else fields[name] = value;
      });
      form.on('fieldsLimit', () => fail(malformed(`has more than ${MAX_FIELDS} fields`)));
      form.on('filesLimit', () => fail(tooManyFiles(maxFiles)));
      form.on('partsLimit', () => fail(tooManyFiles(maxFiles)));
      form.on('error', notWhole).on('finish', resolve);
      source.on('error', notWhole).pipe(form);
    } catch (error) {
      notWhole(error);
    }
  });
  return new ImageUpload(files, fields);
}

function* slicesOf(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.byteLength; at += SLICE_BYTES) yield body.subarray(at, at + SLICE_BYTES);
}

function isPartAFile(_field: string | undefined, contentType: string | undefined, fileName: string | undefined) {
  return fileName !== undefined || !(contentType ?? 'text/plain').startsWith('text/');
}

function malformed(what: string, cause?: unknown): ServalError {
  return new ServalError('SERVAL_MALFORMED_MULTIPART', `The multipart body ${what}.`, { cause });
}

function tooManyFiles(maxInputs: number): ServalError {
  const message = `The form has more than ${maxInputs} files; send several requests.`;
  return new ServalError('SERVAL_TOO_MANY_INPUTS', message, { details: { maxInputs } });
}

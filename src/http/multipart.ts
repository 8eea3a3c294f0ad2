import { Readable } from 'node:stream';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { ServalError } from '../errors.ts';
import { ImageUpload } from './image-upload.ts';

/** Fields are few and short; a form with more of them is not meant for this server. */
const LIMITS = { fields: 16, fieldNameSize: 64, fieldSize: 1_024, headerPairs: 32 };

/**
 * Takes a whole multipart/form-data body apart: each part with a file name, or of a type other than text, is a file.
 * @throws ServalError SERVAL_MALFORMED_MULTIPART
 */
export async function parseMultipart(body: Buffer, contentType: string): Promise<ImageUpload> {
  const files: Buffer[] = [];
  const fields: Record<string, string> = {};
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: unknown) => {
      const message = 'The multipart body is not whole; let your HTTP client make it, its boundary included.';
      reject(new ServalError('SERVAL_MALFORMED_MULTIPART', message, { cause }));
    };
    try {
      const headers: BusboyHeaders = { 'content-type': contentType };
      const form = new Busboy({ headers, limits: LIMITS });
      form.on('file', (_field, stream) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => files.push(Buffer.concat(chunks)));
        stream.on('error', fail);
      });
      form.on('field', (name, value) => {
        fields[name] = value;
      });
      form.on('error', fail).on('finish', resolve);
      Readable.from([body]).pipe(form);
    } catch (error) {
      fail(error);
    }
  });
  return new ImageUpload(files, fields);
}

import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { ServalError } from '../errors.ts';
import { tooLarge } from './message-reader.ts';

const INFLATE: Readonly<Record<string, typeof gunzip.__promisify__>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
};

/**
 * @param encoding of the call: gzip, or deflate, which is the zlib format (RFC 1950).
 * @throws ServalError SERVAL_CONTENT_ENCODING, SERVAL_MALFORMED_COMPRESSION, SERVAL_BODY_TOO_LARGE
 */
export async function inflateMessage(bytes: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const inflated = INFLATE[encoding];
  if (inflated === undefined) {
    throw new ServalError('SERVAL_CONTENT_ENCODING', 'Send messages as gzip, as deflate or uncompressed.');
  }
  try {
    return await inflated(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    const message = 'A message is not what its grpc-encoding says, or is cut short.';
    throw new ServalError('SERVAL_MALFORMED_COMPRESSION', message, { cause });
  }
}

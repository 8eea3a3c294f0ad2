import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { ServalError } from '../errors.ts';

/**
 * A compressed body as it was before; whoever reads it counts the uncompressed bytes against its limit.
 * @param encoding gzip or deflate, as HTTP means it: the zlib format (RFC 1950).
 * @throws ServalError SERVAL_CONTENT_ENCODING
 */
export function inflate(payload: IncomingMessage, encoding: string): Readable {
  const name = encoding.trim().toLowerCase();
  if (name !== 'gzip' && name !== 'x-gzip' && name !== 'deflate') {
    throw new ServalError('SERVAL_CONTENT_ENCODING', 'Send the body as gzip, as deflate or uncompressed.');
  }
  const inflated = name === 'deflate' ? createInflate() : createGunzip();
  // An error of either ends both; the reader hears of it from what it reads.
  pipeline(payload, inflated, () => {});
  return inflated;
}

/** The error that a client sees where its body could not be inflated; null for any other error. */
export function inflateError(error: unknown): ServalError | null {
  const { cause } = error instanceof ServalError ? error : { cause: error };
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!code.startsWith('Z_')) return null;
  return new ServalError(
    'SERVAL_MALFORMED_COMPRESSION',
    'The body is not what its Content-Encoding says, or is cut short.',
    {
      cause,
    },
  );
}

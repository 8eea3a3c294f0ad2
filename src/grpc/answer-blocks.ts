import { headerBlock } from '../http2/hpack-encoder.ts';
import { type CallStatus, GrpcCode } from './grpc-status.ts';

/** What a client's limit for metadata surely leaves room for, percent-encoded. */
const MAX_MESSAGE_LENGTH = 4_096;
/** Of the printable ones, only the percent sign itself. */
const NOT_PLAIN = /[^ -$&-~]/;

const HEADERS = [
  [':status', '200'],
  ['content-type', 'application/grpc+proto'],
  ['grpc-accept-encoding', 'identity,deflate,gzip'],
] as const;

/** Header blocks of answers: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export const ANSWER_HEADERS = headerBlock(HEADERS);
export const OK_TRAILERS = headerBlock([['grpc-status', String(GrpcCode.OK)]]);

/** @param isWhole whether the answer has nothing else: no headers, no message. */
export function statusBlock({ code, message, fields }: CallStatus, isWhole: boolean): Buffer {
  const status = [['grpc-status', String(code)], ['grpc-message', percentEncoded(message)], ...fields] as const;
  return headerBlock(isWhole ? [...HEADERS, ...status] : status);
}

/** The answer to a request that is no call. */
export function httpBlock(status: number): Buffer {
  return headerBlock([[':status', String(status)]]);
}

function percentEncoded(message: string): string {
  const characters = [...message].map((one) => (NOT_PLAIN.test(one) ? percentBytes(one) : one));
  let text = '';
  for (const one of characters) {
    if (text.length + one.length > MAX_MESSAGE_LENGTH) break;
    text += one;
  }
  return text;
}

function percentBytes(character: string): string {
  return [...Buffer.from(character, 'utf8')]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

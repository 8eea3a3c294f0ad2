import { createHash, timingSafeEqual } from 'node:crypto';
import { ServalError } from '../errors.ts';

const SCHEME = /^Bearer +(\S+)$/i;

/**
 * Who may change what is served: whoever brings `Bearer <token>`, whatever transport it comes by.
 * Scheme: https://www.rfc-editor.org/rfc/rfc6750
 */
export class AdminToken {
  readonly #expected: Buffer | null;

  /** @param token null turns management off. */
  constructor(token: string | null) {
    this.#expected = token === null ? null : digestOf(token);
  }

  /** @returns what keeps the caller out; null where nothing does. */
  refusal(authorization: string | undefined): ServalError | null {
    if (this.#expected === null) {
      return new ServalError('SERVAL_MANAGEMENT_OFF', 'Management is off; start the server with SERVAL_ADMIN_TOKEN.');
    }
    const token = SCHEME.exec(authorization ?? '')?.[1];
    // Digests are of one length, and comparing them takes the same time wherever they differ.
    if (token !== undefined && timingSafeEqual(digestOf(token), this.#expected)) return null;
    return new ServalError('SERVAL_UNAUTHORIZED', 'Send the token as "Authorization: Bearer <token>".');
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

import { Http2Code, Http2Error } from './frame.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** What every client says first (RFC 9113, 3.4). */
export class Preface {
  #read: Buffer = Buffer.alloc(0);

  /**
   * @returns what comes after it; null while it is not whole.
   * @throws Http2Error
   */
  push(chunk: Buffer): Buffer | null {
    this.#read = Buffer.concat([this.#read, chunk]);
    const begun = this.#read.subarray(0, PREFACE.byteLength);
    if (!begun.equals(PREFACE.subarray(0, begun.byteLength))) {
      throw new Http2Error(Http2Code.protocolError, 'This port speaks HTTP/2 alone, and that from the beginning.');
    }
    return begun.byteLength < PREFACE.byteLength ? null : this.#read.subarray(PREFACE.byteLength);
  }
}

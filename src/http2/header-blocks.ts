import type { Field } from './field-table.ts';
import { Flag, FrameType, Http2Code, Http2Error, withoutPadding } from './frame.ts';
import { HpackDecoder } from './hpack-decoder.ts';

/** Of a block as it comes, and of its fields, each counted with 32 bytes more. */
export const MAX_HEADER_BYTES = 16_384;
const PRIORITY_BYTES = 5;

/** @param fields null where they are more than is allowed. */
export type OnHeaders = (streamId: number, fields: readonly Field[] | null, endsStream: boolean) => void;

/** Puts together what HEADERS begin and CONTINUATIONs go on with; nothing else may come between. */
export class HeaderBlocks {
  readonly #decoder = new HpackDecoder(MAX_HEADER_BYTES);
  readonly #onHeaders: OnHeaders;
  #begun: { readonly streamId: number; readonly endsStream: boolean; bytes: Buffer } | null = null;

  constructor(onHeaders: OnHeaders) {
    this.#onHeaders = onHeaders;
  }

  /** False in the middle of a block. */
  get isBetween(): boolean {
    return this.#begun === null;
  }

  /** @throws Http2Error where this frame may not come now. */
  check(type: number, streamId: number): void {
    const isContinuation = type === FrameType.continuation;
    const isExpected = this.#begun === null ? !isContinuation : isContinuation && streamId === this.#begun.streamId;
    if (!isExpected) throw new Http2Error(Http2Code.protocolError, 'A header block is not put together in one piece.');
  }

  /** @throws Http2Error */
  headers(flags: number, streamId: number, payload: Buffer): void {
    let block = withoutPadding(flags, payload);
    if ((flags & Flag.priority) !== 0) {
      if (block.byteLength < PRIORITY_BYTES || (block.readUInt32BE(0) & 0x7fff_ffff) === streamId) {
        throw new Http2Error(Http2Code.protocolError, 'A stream’s priority is not one.');
      }
      block = block.subarray(PRIORITY_BYTES);
    }
    const endsStream = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) !== 0) this.#onHeaders(streamId, this.#decoder.decode(block), endsStream);
    else this.#begun = { streamId, endsStream, bytes: Buffer.from(block) };
  }

  /** @throws Http2Error */
  continuation(flags: number, payload: Buffer): void {
    const begun = this.#begun;
    if (begun === null) return;
    begun.bytes = Buffer.concat([begun.bytes, payload]);
    if (begun.bytes.byteLength > MAX_HEADER_BYTES) {
      throw new Http2Error(Http2Code.enhanceYourCalm, `A header block has more than ${MAX_HEADER_BYTES} bytes.`);
    }
    if ((flags & Flag.endHeaders) === 0) return;
    this.#begun = null;
    this.#onHeaders(begun.streamId, this.#decoder.decode(begun.bytes), begun.endsStream);
  }
}

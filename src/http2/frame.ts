/** HTTP/2's frames: https://www.rfc-editor.org/rfc/rfc9113 */

export const FRAME_HEAD_BYTES = 9;

/** What a side may send to one that has not allowed more; this server allows no more. */
export const MAX_FRAME_BYTES = 16_384;

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const Http2Code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export type Http2Code = (typeof Http2Code)[keyof typeof Http2Code];

/** Ends a connection: what its client sent is against the protocol. */
export class Http2Error extends Error {
  override readonly name = 'Http2Error';
  readonly code: Http2Code;

  /** @param message goes to the client, for who looks into it. */
  constructor(code: Http2Code, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * What a padded frame carries.
 * @throws Http2Error
 */
export function withoutPadding(flags: number, payload: Buffer): Buffer {
  if ((flags & Flag.padded) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined || padding >= payload.byteLength) {
    throw new Http2Error(Http2Code.protocolError, 'A frame has more padding than bytes.');
  }
  return payload.subarray(1, payload.byteLength - padding);
}

import { FRAME_HEAD_BYTES, Http2Code, Http2Error, MAX_FRAME_BYTES } from './frame.ts';

/** @param payload may be gone when this returns: what is kept of it is copied. */
export type OnFrame = (type: number, flags: number, streamId: number, payload: Buffer) => void;

/** Finds the frames in what a connection brings. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  /** The beginning of a frame; null between two. */
  #begun: Buffer | null = null;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** False in the middle of a frame. */
  get isBetween(): boolean {
    return this.#begun === null;
  }

  /** @param chunk is not kept. @throws Http2Error */
  push(chunk: Buffer): void {
    let unread = chunk;
    while (this.#begun !== null && unread.byteLength > 0) {
      const missing = sizeOf(this.#begun) - this.#begun.byteLength;
      this.#begun = Buffer.concat([this.#begun, unread.subarray(0, missing)]);
      unread = unread.subarray(missing);
      if (this.#begun.byteLength < sizeOf(this.#begun)) continue;
      const frame = this.#begun;
      this.#begun = null;
      this.#read(frame, 0, frame.byteLength);
    }
    let at = 0;
    while (at < unread.byteLength) {
      const end = at + sizeOf(unread, at);
      if (end > unread.byteLength) {
        this.#begun = Buffer.from(unread.subarray(at));
        return;
      }
      this.#read(unread, at, end);
      at = end;
    }
  }

  #read(bytes: Buffer, at: number, end: number): void {
    const streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
    this.#onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, streamId, bytes.subarray(at + FRAME_HEAD_BYTES, end));
  }
}

/** Bytes of the frame that begins there; of its head, where that is not whole yet. */
function sizeOf(bytes: Buffer, at = 0): number {
  if (bytes.byteLength - at < FRAME_HEAD_BYTES) return FRAME_HEAD_BYTES;
  const length = bytes.readUIntBE(at, 3);
  if (length > MAX_FRAME_BYTES) {
    throw new Http2Error(Http2Code.frameSizeError, `A frame has ${length} bytes; ${MAX_FRAME_BYTES} are allowed.`);
  }
  return FRAME_HEAD_BYTES + length;
}

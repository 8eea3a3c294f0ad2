import type { Duplex } from 'node:stream';
import { FRAME_HEAD_BYTES, FrameType, type Http2Code } from './frame.ts';

/** Smaller payloads are copied together; a larger one goes as it is. */
const MAX_COPIED_BYTES = 8_192;
/** That wait for the client to read. */
const MAX_UNSENT_BYTES = 1_048_576;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** An acknowledgement of settings carries nothing. */
export const EMPTY: Uint8Array = Buffer.alloc(0);

/** Gathers a connection's frames: those of all answers that come in one turn of the event loop are one write. */
export class FrameWriter {
  readonly #socket: Duplex;
  #frames: Frame[] = [];
  #frameBytes = 0;
  #isScheduled = false;
  readonly #onFlush: () => void;
  readonly #flush = () => this.flush();

  /** @param onFlush called when there may be room for more. */
  constructor(socket: Duplex, onFlush: () => void) {
    this.#socket = socket;
    this.#onFlush = onFlush;
  }

  /** Whether nothing should be added that can wait. */
  get isFull(): boolean {
    return this.#frameBytes + this.#socket.writableLength > MAX_UNSENT_BYTES;
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.#frames.push({ type, flags, streamId, payload });
    this.#frameBytes += payload.byteLength;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Comes after the promises that are settled already, and so after the other answers of a batch.
    process.nextTick(this.#flush);
  }

  /** @param value one number of 32 bits, as many frames carry it. */
  number(type: number, streamId: number, value: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(value);
    this.frame(type, 0, streamId, payload);
  }

  resetStream(streamId: number, code: Http2Code): void {
    this.number(FrameType.resetStream, streamId, code);
  }

  /** Credit for what was read; of the connection with stream 0. */
  windowUpdate(streamId: number, bytes: number): void {
    this.number(FrameType.windowUpdate, streamId, bytes);
  }

  /** @param lastStreamId the streams after it are not answered. */
  goAway(lastStreamId: number, code: Http2Code, message = ''): void {
    const payload = Buffer.alloc(8 + Buffer.byteLength(message));
    payload.writeUInt32BE(lastStreamId, 0);
    payload.writeUInt32BE(code, 4);
    payload.write(message, 8);
    this.frame(FrameType.goAway, 0, 0, payload);
  }

  flush(): void {
    this.#isScheduled = false;
    const frames = this.#frames;
    if (frames.length === 0 || !this.#socket.writable) return;
    this.#frames = [];
    this.#frameBytes = 0;
    const pieces = gather(frames);
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
    this.#onFlush();
  }
}

function gather(frames: readonly Frame[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (const { payload } of frames) {
    size += FRAME_HEAD_BYTES + (payload.byteLength > MAX_COPIED_BYTES ? 0 : payload.byteLength);
  }
  const copied = Buffer.allocUnsafe(size);
  let from = 0;
  let at = 0;
  for (const { type, flags, streamId, payload } of frames) {
    copied.writeUIntBE(payload.byteLength, at, 3);
    copied[at + 3] = type;
    copied[at + 4] = flags;
    copied.writeUInt32BE(streamId, at + 5);
    at += FRAME_HEAD_BYTES;
    if (payload.byteLength <= MAX_COPIED_BYTES) {
      copied.set(payload, at);
      at += payload.byteLength;
      continue;
    }
    pieces.push(copied.subarray(from, at), payload);
    from = at;
  }
  if (from < at) pieces.push(copied.subarray(from, at));
  return pieces;
}

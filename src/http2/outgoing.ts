import { Flag, FrameType, Http2Code, Http2Error, MAX_FRAME_BYTES } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { NO_TABLE } from './hpack-encoder.ts';

/** Of a connection and its streams, until one side says otherwise. */
export const FIRST_WINDOW_BYTES = 65_535;
const MAX_WINDOW_BYTES = 0x7fff_ffff;

interface Piece {
  readonly bytes: Uint8Array;
  /** Called when the last of it is on its way. */
  readonly onSent: (() => void) | null;
}

/** What goes out on a connection, no faster than its client takes it. */
export class Outgoing {
  readonly writer: FrameWriter;
  readonly #waiting = new Set<OutgoingStream>();
  #window = FIRST_WINDOW_BYTES;
  #streamWindow = FIRST_WINDOW_BYTES;
  #maxFrameBytes = MAX_FRAME_BYTES;
  #mustTellTable = true;

  constructor(writer: FrameWriter) {
    this.writer = writer;
  }

  /** Bytes of one frame that may go out now. */
  get roomBytes(): number {
    return this.writer.isFull ? 0 : Math.min(this.#window, this.#maxFrameBytes);
  }

  stream(id: number): OutgoingStream {
    return new OutgoingStream(id, this.#streamWindow, this);
  }

  /** @throws Http2Error */
  windowUpdate(bytes: number): void {
    this.#window += bytes;
    if (this.#window > MAX_WINDOW_BYTES) throw tooLarge();
    this.pump();
  }

  /** @param open all streams that may still send. @throws Http2Error */
  setStreamWindow(bytes: number, open: Iterable<OutgoingStream>): void {
    if (bytes > MAX_WINDOW_BYTES) throw tooLarge();
    for (const stream of open) if (!stream.widen(bytes - this.#streamWindow)) throw tooLarge();
    this.#streamWindow = bytes;
    this.pump();
  }

  setMaxFrame(bytes: number): void {
    // Larger ones would gain nothing, and would hold up other streams.
    this.#maxFrameBytes = Math.min(bytes, MAX_FRAME_BYTES);
  }

  /** The client has room for fewer fields to refer to: none are, but it wants to be told. */
  tableChanged(): void {
    this.#mustTellTable = true;
  }

  headers(streamId: number, block: Uint8Array, flags: number): void {
    const whole = this.#mustTellTable ? Buffer.concat([NO_TABLE, block]) : block;
    this.#mustTellTable = false;
    this.writer.frame(FrameType.headers, flags | Flag.endHeaders, streamId, whole);
  }

  data(streamId: number, bytes: Uint8Array): void {
    this.#window -= bytes.byteLength;
    this.writer.frame(FrameType.data, 0, streamId, bytes);
  }

  wait(stream: OutgoingStream, isWaiting: boolean): void {
    if (isWaiting) this.#waiting.add(stream);
    else this.#waiting.delete(stream);
  }

  /** Sends what has room now, a frame of each stream in turn. */
  pump(): void {
    let hasMoved = true;
    while (hasMoved && this.roomBytes > 0) {
      hasMoved = false;
      for (const stream of this.#waiting) hasMoved = stream.step() || hasMoved;
    }
  }
}

/** One stream's part of it. */
export class OutgoingStream {
  readonly id: number;
  readonly #out: Outgoing;
  readonly #pieces: Piece[] = [];
  #window: number;
  #end: { readonly trailers: Uint8Array; readonly onSent: () => void } | null = null;

  constructor(id: number, window: number, out: Outgoing) {
    this.id = id;
    this.#window = window;
    this.#out = out;
  }

  /** @returns false where the window would be larger than there is. */
  widen(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= MAX_WINDOW_BYTES;
  }

  headers(block: Uint8Array): void {
    this.#out.headers(this.id, block, 0);
  }

  write(bytes: Uint8Array, onSent: (() => void) | null): void {
    if (bytes.byteLength > 0) this.#pieces.push({ bytes, onSent });
    else onSent?.();
    while (this.step());
    this.#out.wait(this, this.#pieces.length > 0);
  }

  /** @param onSent called when all is on its way. */
  end(trailers: Uint8Array, onSent: () => void): void {
    this.#end = { trailers, onSent };
    this.#finish();
  }

  /** The stream is over: what is left goes nowhere. */
  drop(): void {
    this.#pieces.length = 0;
    this.#end = null;
    this.#out.wait(this, false);
  }

  /** Sends one frame. @returns whether there was one, and room for it. */
  step(): boolean {
    const [piece] = this.#pieces;
    if (piece === undefined) return false;
    const { bytes, onSent } = piece;
    const room = Math.min(bytes.byteLength, this.#window, this.#out.roomBytes);
    if (room <= 0) return false;
    this.#window -= room;
    this.#out.data(this.id, bytes.subarray(0, room));
    if (room < bytes.byteLength) {
      this.#pieces[0] = { bytes: bytes.subarray(room), onSent };
      return true;
    }
    this.#pieces.shift();
    onSent?.();
    this.#finish();
    return true;
  }

  #finish(): void {
    if (this.#pieces.length > 0) return;
    this.#out.wait(this, false);
    if (this.#end === null) return;
    const { trailers, onSent } = this.#end;
    this.#end = null;
    this.#out.headers(this.id, trailers, Flag.endStream);
    onSent();
  }
}

function tooLarge(): Http2Error {
  return new Http2Error(Http2Code.flowControlError, 'A window is larger than 2,147,483,647 bytes.');
}

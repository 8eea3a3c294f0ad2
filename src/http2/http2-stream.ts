import { Http2Code } from './frame.ts';
import type { OutgoingStream } from './outgoing.ts';
import type { RequestHead } from './request-head.ts';

/** Bytes of a request that may come before any is read on. */
export const STREAM_WINDOW_BYTES = 1_048_576;

/** What becomes of a request's body. */
export interface StreamHandler {
  /** When the request must be whole, in ms of `performance.now()`. */
  readonly arrivesBy: number;
  /** @param piece may be gone when this returns; `Http2Stream.consumed` asks for more. */
  onData(piece: Buffer): void;
  onEnd(): void;
  /** It did not come in time. */
  onLate(): void;
  /** Nobody waits for the answer any more: to be given up, and released then. */
  onGone(): void;
}

export interface StreamOwner {
  windowUpdate(streamId: number, bytes: number): void;
  resetStream(streamId: number, code: Http2Code): void;
  /** Nothing more comes of it, or goes. */
  closed(stream: Http2Stream): void;
  /** No more work is done for it. */
  released(stream: Http2Stream): void;
}

/** One request and its answer. */
export class Http2Stream {
  readonly id: number;
  readonly head: RequestHead;
  /** Of the request's body. */
  handler: StreamHandler | null = null;
  readonly out: OutgoingStream;
  readonly #owner: StreamOwner;
  #window = STREAM_WINDOW_BYTES;
  #owedBytes = 0;
  #bodyBytes = 0;
  #hasRequest = false;
  #hasAnswer = false;
  #isClosed = false;
  #isReleased = false;

  constructor(id: number, head: RequestHead, { out, owner }: { out: OutgoingStream; owner: StreamOwner }) {
    this.id = id;
    this.head = head;
    this.out = out;
    this.#owner = owner;
  }

  /** Whether the request is whole. */
  get hasRequest(): boolean {
    return this.#hasRequest;
  }

  /** Whether nobody waits for the answer, or all of it is sent. */
  get isOver(): boolean {
    return this.#isClosed || this.#hasAnswer;
  }

  respond(headers: Uint8Array): void {
    if (!this.isOver) this.out.headers(headers);
  }

  /** @param onSent called when it is on its way; never where nobody takes it. */
  write(bytes: Uint8Array, onSent: (() => void) | null = null): void {
    if (!this.isOver) this.out.write(bytes, onSent);
  }

  /** Of an answer without a body, the headers too. A client that has not said all need not go on. */
  end(trailers: Uint8Array): void {
    if (this.isOver) return;
    this.out.end(trailers, () => {
      this.#hasAnswer = true;
      this.release();
      if (!this.#hasRequest) this.#owner.resetStream(this.id, Http2Code.noError);
      this.#close();
    });
  }

  reset(code: Http2Code): void {
    if (this.#isClosed) return;
    this.#owner.resetStream(this.id, code);
    this.broken();
  }

  /** Lets as many bytes more come. */
  consumed(bytes: number): void {
    if (this.#hasRequest || this.isOver) return;
    this.#owedBytes += bytes;
    if (this.#owedBytes < STREAM_WINDOW_BYTES / 2) return;
    this.#window += this.#owedBytes;
    this.#owner.windowUpdate(this.id, this.#owedBytes);
    this.#owedBytes = 0;
  }

  /** To be called of a stream that is gone when its work is; a second time does nothing. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#owner.released(this);
  }

  /** @param frameBytes with the padding, which counts as well. */
  received(piece: Buffer, frameBytes: number, isLast: boolean): void {
    this.#window -= frameBytes;
    this.#bodyBytes += piece.byteLength;
    const declared = this.head.bodyBytes;
    if (this.#hasRequest) this.reset(Http2Code.streamClosed);
    else if (this.#window < 0) this.reset(Http2Code.flowControlError);
    else if (declared !== null && (isLast ? this.#bodyBytes !== declared : this.#bodyBytes > declared))
      this.reset(Http2Code.protocolError);
    else {
      if (frameBytes > piece.byteLength) this.consumed(frameBytes - piece.byteLength);
      if (piece.byteLength > 0 && !this.isOver) this.handler?.onData(piece);
      if (isLast) this.requestEnded();
    }
  }

  requestEnded(): void {
    this.#hasRequest = true;
    if (!this.isOver) this.handler?.onEnd();
  }

  /** The client has reset it, or is gone itself. */
  broken(): void {
    if (this.#isClosed) return;
    this.out.drop();
    this.#close();
    // What is answered already has nothing to give up.
    if (this.#hasAnswer) return;
    if (this.handler === null) this.release();
    else this.handler.onGone();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owner.closed(this);
  }
}

import type { Duplex } from 'node:stream';
import { freeOwnMemory } from '../off-heap.ts';
import type { Field } from './field-table.ts';
import { Flag, FrameType, Http2Code, Http2Error, withoutPadding } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { checkFrame, wrong } from './frame-rules.ts';
import { EMPTY, FrameWriter } from './frame-writer.ts';
import { HeaderBlocks, MAX_HEADER_BYTES } from './header-blocks.ts';
import { Http2Stream, STREAM_WINDOW_BYTES, type StreamHandler } from './http2-stream.ts';
import { FIRST_WINDOW_BYTES, Outgoing } from './outgoing.ts';
import { Preface } from './preface.ts';
import { areTrailers, requestHead } from './request-head.ts';
import { readSettings, Setting, writeSettings } from './settings-frame.ts';
import { StrayFrames } from './stray-frames.ts';

/** Of all streams of a connection that may come before any is read on. */
const WINDOW_BYTES = 4 * STREAM_WINDOW_BYTES;
/** Requests of a connection that are worked on at once, those that their client has given up among them. */
export const MAX_STREAMS = 1_024;
const HIGHEST_STREAM = 0x7fff_ffff;
const LAST_PING = Buffer.from('goodbye!', 'latin1');
const GOODBYE_MS = 1_000;
/** A connection without a call is left for as long. */
const IDLE_MS = 1_800_000;

export interface ConnectionOptions {
  /** A request that begins; it may be answered at once. */
  readonly open: (stream: Http2Stream) => StreamHandler;
  /** ms for a request to be whole, and for anything that was begun. */
  readonly arrivalMs: number;
}

/** The server's side of an HTTP/2 connection (RFC 9113). */
export class Http2Connection {
  readonly #socket: Duplex;
  readonly #options: ConnectionOptions;
  readonly #writer: FrameWriter;
  readonly #out: Outgoing;
  readonly #reader = new FrameReader((type, flags, streamId, payload) => this.#frame(type, flags, streamId, payload));
  readonly #blocks = new HeaderBlocks((streamId, fields, ends) => this.#headers(streamId, fields, ends));
  readonly #streams = new Map<number, Http2Stream>();
  readonly #strays = new StrayFrames();
  readonly #owner = {
    windowUpdate: (streamId: number, bytes: number) => this.#writer.windowUpdate(streamId, bytes),
    resetStream: (streamId: number, code: Http2Code) => this.#writer.resetStream(streamId, code),
    closed: ({ id }: Http2Stream) => {
      this.#streams.delete(id);
      this.#endIfOver();
    },
    released: () => {
      this.#working -= 1;
      this.#endIfOver();
    },
  };
  #working = 0;
  #lastStreamId = 0;
  #owedBytes = 0;
  #hasSettings = false;
  /** Null when it is read. */
  #preface: Preface | null = new Preface();
  #lastHeard = performance.now();
  #isLeaving = false;
  readonly #left = Promise.withResolvers<void>();
  /** Whether streams that begin now are left to another connection. */
  #isClosing = false;
  #isBroken = false;

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#writer = new FrameWriter(socket, () => this.#flushed());
    this.#out = new Outgoing(this.#writer);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#flushed());
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
    const settings = writeSettings([
      [Setting.maxConcurrentStreams, MAX_STREAMS],
      [Setting.initialWindowSize, STREAM_WINDOW_BYTES],
      [Setting.maxHeaderListSize, MAX_HEADER_BYTES],
    ]);
    this.#writer.frame(FrameType.settings, 0, 0, settings);
    this.#writer.windowUpdate(0, WINDOW_BYTES - FIRST_WINDOW_BYTES);
  }

  /**
   * Has its client go elsewhere, and ends when all is answered.
   * @returns resolves when no further request is taken: within a second.
   */
  leave(): Promise<void> {
    if (this.#isLeaving) return this.#left.promise;
    this.#isLeaving = true;
    // What is on its way when this arrives is answered still (RFC 9113, 6.8); its client's answer to the ping comes after it.
    this.#writer.goAway(HIGHEST_STREAM, Http2Code.noError);
    this.#writer.frame(FrameType.ping, 0, 0, LAST_PING);
    setTimeout(() => this.#takeNoMore(), GOODBYE_MS).unref();
    return this.#left.promise;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends what comes too slowly, or not at all. To be called now and then. */
  sweep(): void {
    const now = performance.now();
    const isBetween = this.#hasSettings && this.#reader.isBetween && this.#blocks.isBetween;
    const silentMs = now - this.#lastHeard;
    if (!isBetween && silentMs > this.#options.arrivalMs) this.destroy();
    else if (this.#streams.size === 0 && silentMs > IDLE_MS) void this.leave();
    for (const { hasRequest, handler } of this.#streams.values()) {
      if (!hasRequest && handler !== null && handler.arrivesBy < now) handler.onLate();
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#isBroken) return;
    try {
      const unread = this.#preface === null ? chunk : this.#preface.push(chunk);
      if (unread === null) return;
      this.#preface = null;
      this.#reader.push(unread);
      freeOwnMemory(chunk);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.#break(error);
    }
  }

  #frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (this.#isBroken) return;
    this.#lastHeard = performance.now();
    this.#blocks.check(type, streamId);
    if (!this.#hasSettings && type !== FrameType.settings) throw wrong('settings come first');
    checkFrame(type, streamId, payload.byteLength);
    switch (type) {
      case FrameType.data:
        this.#data(flags, streamId, payload);
        return;
      case FrameType.headers:
        this.#blocks.headers(flags, streamId, payload);
        return;
      case FrameType.continuation:
        if (payload.byteLength === 0) this.#strays.count();
        this.#blocks.continuation(flags, payload);
        return;
      case FrameType.windowUpdate:
        this.#windowUpdate(streamId, payload.readUInt32BE(0) & HIGHEST_STREAM);
        return;
      case FrameType.resetStream:
        if (this.#streamOf(streamId) === null) this.#strays.count();
        this.#streamOf(streamId)?.broken();
        return;
      case FrameType.settings:
        this.#strays.count();
        this.#settings(flags, payload);
        return;
      case FrameType.ping:
        this.#strays.count();
        this.#ping(flags, payload);
        return;
      case FrameType.pushPromise:
        throw wrong('clients promise nothing');
      default:
        // Priorities are advice, GOAWAY is about streams of the server's own, and other frames are for who knows them.
        this.#strays.count();
    }
  }

  #headers(streamId: number, fields: readonly Field[] | null, endsStream: boolean): void {
    if (streamId <= this.#lastStreamId) {
      this.#trailers(streamId, fields, endsStream);
      return;
    }
    if (streamId % 2 === 0) throw wrong('clients have odd streams');
    if (this.#isClosing) return;
    this.#lastStreamId = streamId;
    const head = fields === null ? null : requestHead(fields);
    if (head === null || this.#working >= MAX_STREAMS) {
      this.#strays.count();
      const code = fields === null ? Http2Code.enhanceYourCalm : Http2Code.protocolError;
      this.#writer.resetStream(streamId, head === null ? code : Http2Code.refusedStream);
      return;
    }
    const stream = new Http2Stream(streamId, head, { out: this.#out.stream(streamId), owner: this.#owner });
    this.#working += 1;
    this.#streams.set(streamId, stream);
    stream.handler = this.#options.open(stream);
    if (!endsStream) return;
    if (head.bodyBytes !== null && head.bodyBytes > 0) stream.reset(Http2Code.protocolError);
    else stream.requestEnded();
  }

  #trailers(streamId: number, fields: readonly Field[] | null, endsStream: boolean): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.#strays.count();
    else if (stream.hasRequest) stream.reset(Http2Code.streamClosed);
    else if (!endsStream || fields === null || !areTrailers(fields)) stream.reset(Http2Code.protocolError);
    else stream.received(Buffer.alloc(0), 0, true);
  }

  #data(flags: number, streamId: number, payload: Buffer): void {
    this.#owedBytes += payload.byteLength;
    if (this.#owedBytes >= WINDOW_BYTES / 2) {
      this.#writer.windowUpdate(0, this.#owedBytes);
      this.#owedBytes = 0;
    }
    const isLast = (flags & Flag.endStream) !== 0;
    const stream = this.#streamOf(streamId);
    if (stream === null || (payload.byteLength === 0 && !isLast)) this.#strays.count();
    stream?.received(withoutPadding(flags, payload), payload.byteLength, isLast);
  }

  #windowUpdate(streamId: number, bytes: number): void {
    if (streamId === 0) {
      if (bytes === 0) throw wrong('a window is not made larger by nothing');
      this.#out.windowUpdate(bytes);
      return;
    }
    const stream = this.#streamOf(streamId);
    if (stream === null) return;
    if (bytes === 0) stream.reset(Http2Code.protocolError);
    else if (!stream.out.widen(bytes)) stream.reset(Http2Code.flowControlError);
    else this.#out.pump();
  }

  #settings(flags: number, payload: Buffer): void {
    this.#hasSettings = true;
    if ((flags & Flag.ack) !== 0) {
      if (payload.byteLength > 0) throw new Http2Error(Http2Code.frameSizeError, 'An acknowledgement carries nothing.');
      return;
    }
    for (const [id, value] of readSettings(payload)) {
      if (id === Setting.headerTableSize) this.#out.tableChanged();
      else if (id === Setting.maxFrameSize) this.#out.setMaxFrame(value);
      else if (id === Setting.initialWindowSize) {
        this.#out.setStreamWindow(
          value,
          Array.from(this.#streams.values(), ({ out }) => out),
        );
      }
    }
    this.#writer.frame(FrameType.settings, Flag.ack, 0, EMPTY);
  }

  #ping(flags: number, payload: Buffer): void {
    if ((flags & Flag.ack) === 0) this.#writer.frame(FrameType.ping, Flag.ack, 0, Buffer.from(payload));
    else if (this.#isLeaving && payload.equals(LAST_PING)) this.#takeNoMore();
  }

  /** @returns null for one that is over. @throws Http2Error for one that was never begun. */
  #streamOf(streamId: number): Http2Stream | null {
    if (streamId > this.#lastStreamId && !this.#isClosing) throw wrong('streams begin with headers');
    return this.#streams.get(streamId) ?? null;
  }

  #takeNoMore(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#left.resolve();
    this.#writer.goAway(this.#lastStreamId, Http2Code.noError);
    this.#endIfOver();
  }

  #endIfOver(): void {
    if (this.#isClosing && this.#streams.size === 0 && this.#working === 0) this.#end();
  }

  #break({ code, message }: Http2Error): void {
    this.#isBroken = true;
    this.#writer.goAway(this.#lastStreamId, code, message);
    this.#end();
  }

  /** A client that goes on after that is not waited for. */
  #end(): void {
    this.#writer.flush();
    this.#socket.end();
    setTimeout(() => this.destroy(), GOODBYE_MS).unref();
  }

  /** A client that does not read is not read either. */
  #flushed(): void {
    if (this.#writer.isFull) this.#socket.pause();
    else {
      if (this.#socket.isPaused()) this.#socket.resume();
      this.#out.pump();
    }
  }

  #closed(): void {
    this.#isBroken = true;
    this.#left.resolve();
    for (const stream of [...this.#streams.values()]) stream.broken();
  }
}

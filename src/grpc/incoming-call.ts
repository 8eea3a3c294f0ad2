import { ServalError } from '../errors.ts';
import type { ReceivingBudget } from '../http/body-reader.ts';
import { Http2Code } from '../http2/frame.ts';
import type { Http2Stream, StreamHandler } from '../http2/http2-stream.ts';
import { ANSWER_HEADERS, OK_TRAILERS, statusBlock } from './answer-blocks.ts';
import type { AnyCall } from './call-context.ts';
import type { CallMetadata } from './call-metadata.ts';
import type { Answer } from './call-method.ts';
import { type CallStatus, statusOf, toServalError } from './grpc-status.ts';
import { inflateMessage } from './inflate-message.ts';
import { MessageReader, PREFIX_BYTES } from './message-reader.ts';

/** Past its deadline a call has this long to say itself why it was not answered. */
const GRACE_MS = 100;
const LONGEST_TIMER_MS = 0x7fff_ffff;
/** A larger message goes beside its prefix instead of being copied behind it. */
const MAX_COPIED_BYTES = 8_192;

export interface IncomingCallOptions {
  readonly stream: Http2Stream;
  readonly metadata: CallMetadata;
  /** Null where its client set no deadline. */
  readonly timeoutMs: number | null;
  /** ms for its messages to come; null where they may take as long as they like. */
  readonly arrivalMs: number | null;
  readonly maxMessageBytes: number;
  readonly budget: Pick<ReceivingBudget, 'take' | 'release'>;
  readonly read: (bytes: Buffer) => object;
  readonly write: (message: object) => Buffer;
  /** Hears of a call that ends by an error before its handler has begun. */
  readonly onRefused: (error: ServalError) => void;
}

/** A gRPC call on its stream: reads messages, and ends with a status. */
export abstract class IncomingCall implements StreamHandler, AnyCall {
  readonly metadata: CallMetadata;
  readonly begun = performance.now();
  readonly timeoutMs: number | null;
  readonly arrivesBy: number;
  protected readonly stream: Http2Stream;
  readonly #options: IncomingCallOptions;
  readonly #reader: MessageReader;
  readonly #onCancelled = new Set<() => void>();
  readonly #timer: NodeJS.Timeout | null;
  /** Messages that are being inflated; later ones come after them. */
  #inflating: Promise<void> | null = null;
  #working = 0;
  #hasHeaders = false;
  #isCancelled = false;
  #isOver = false;

  constructor(options: IncomingCallOptions) {
    const { stream, metadata, timeoutMs, arrivalMs, maxMessageBytes: maxBytes, budget } = options;
    this.#options = options;
    this.stream = stream;
    this.metadata = metadata;
    this.timeoutMs = timeoutMs;
    this.arrivesBy = arrivalMs === null ? Number.POSITIVE_INFINITY : this.begun + arrivalMs;
    this.#reader = new MessageReader({
      maxBytes,
      budget,
      onMessage: (bytes, isCompressed) => this.#read(bytes, isCompressed),
    });
    this.#timer =
      timeoutMs === null ? null : setTimeout(() => this.#expire(), Math.min(timeoutMs + GRACE_MS, LONGEST_TIMER_MS));
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  onCancelled(callback: () => void): () => void {
    this.#onCancelled.add(callback);
    return () => void this.#onCancelled.delete(callback);
  }

  onData(piece: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(piece);
    } catch (error) {
      this.refuse(toServalError(error));
    }
    this.consumed(piece.byteLength);
  }

  onEnd(): void {
    if (this.#isOver) return;
    if (!this.#reader.isBetween) {
      this.refuse(new ServalError('SERVAL_INVALID_REQUEST', 'The last message is cut short.'));
    } else if (this.#inflating === null) this.messagesEnded();
    else void this.#inflating.then(() => this.messagesEnded());
  }

  onLate(): void {
    this.refuse(new ServalError('SERVAL_BODY_TIMEOUT', 'The message did not arrive in time.'));
  }

  onGone(): void {
    this.#cancel();
    this.#finish();
    if (this.#working === 0) this.stream.release();
  }

  /** Ends it by an error that no handler has seen. */
  refuse(error: ServalError): void {
    if (this.#isOver) return;
    // What is worked on tells of itself.
    if (this.#working === 0) this.#options.onRefused(error);
    this.#cancel();
    this.fail(statusOf(error));
  }

  fail(status: CallStatus): void {
    if (this.#isOver) return;
    this.#finish();
    this.stream.end(statusBlock(status, !this.#hasHeaders));
  }

  /** Whether nothing that it sends would go anywhere. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  protected abstract message(bytes: Buffer): void;

  /** All messages have come. */
  protected abstract messagesEnded(): void;

  /** Has as many bytes more come. */
  protected consumed(bytes: number): void {
    this.stream.consumed(bytes);
  }

  /** @param onSent called when it is on its way. */
  protected send(answer: Answer, onSent: (() => void) | null = null): void {
    if (this.#isOver) return;
    const message = this.#options.write(answer);
    (answer as Partial<Disposable>)[Symbol.dispose]?.();
    if (!this.#hasHeaders) this.stream.respond(ANSWER_HEADERS);
    this.#hasHeaders = true;
    const isCopied = message.byteLength <= MAX_COPIED_BYTES;
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES + (isCopied ? message.byteLength : 0));
    prefix[0] = 0;
    prefix.writeUInt32BE(message.byteLength, 1);
    if (isCopied) prefix.set(message, PREFIX_BYTES);
    this.stream.write(prefix, isCopied ? onSent : null);
    if (!isCopied) this.stream.write(message, onSent);
  }

  protected succeed(): void {
    if (this.#isOver) return;
    this.#finish();
    if (!this.#hasHeaders) this.stream.respond(ANSWER_HEADERS);
    this.stream.end(OK_TRAILERS);
  }

  /** Work that goes on although nobody waits for it any more counts as well. */
  protected workBegun(): void {
    this.#working += 1;
  }

  protected workEnded(): void {
    this.#working -= 1;
    if (this.#isCancelled && this.#working === 0) this.stream.release();
  }

  #read(bytes: Buffer, isCompressed: boolean): void {
    if (!isCompressed && this.#inflating === null) {
      this.message(bytes);
      return;
    }
    const encoding = this.metadata.get('grpc-encoding') ?? 'identity';
    const inflated = isCompressed ? inflateMessage(bytes, encoding, this.#options.maxMessageBytes) : bytes;
    const before = this.#inflating;
    this.#inflating = Promise.all([inflated, before]).then(
      ([whole]) => {
        if (!this.#isOver) this.message(whole);
      },
      (error) => this.refuse(toServalError(error)),
    );
  }

  #expire(): void {
    this.refuse(new ServalError('SERVAL_DEADLINE_EXCEEDED', 'The call was not answered by its deadline.'));
    this.stream.reset(Http2Code.cancel);
  }

  #cancel(): void {
    if (this.#isCancelled || this.#isOver) return;
    this.#isCancelled = true;
    for (const callback of [...this.#onCancelled]) callback();
  }

  #finish(): void {
    this.#isOver = true;
    this.#reader.stop();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}

import { ServalError } from '../errors.ts';
import type { ReceivingBudget } from '../http/body-reader.ts';
import { GrowingBody } from '../http/growing-body.ts';

/** One byte says whether the message is compressed, four how long it is. */
export const PREFIX_BYTES = 5;
/** Memory for more of a message is taken only as it comes. */
const MAX_BELIEVED_BYTES = 1_048_576;
const NONE = Buffer.alloc(0);

export interface MessageReaderOptions {
  /** Of one message, uncompressed. */
  readonly maxBytes: number;
  /** Counts what has not come whole yet, of all clients. */
  readonly budget: Pick<ReceivingBudget, 'take' | 'release'>;
  /** @param bytes are the message's own. */
  readonly onMessage: (bytes: Buffer, isCompressed: boolean) => void;
}

/** Finds the messages of a call in what its stream brings. */
export class MessageReader {
  readonly #options: MessageReaderOptions;
  #prefix: Buffer = NONE;
  #message: GrowingBody | null = null;
  #messageBytes = 0;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
  }

  /** False in the middle of a message. */
  get isBetween(): boolean {
    return this.#message === null && this.#prefix.byteLength === 0;
  }

  /** @param piece is not kept. @throws ServalError SERVAL_BODY_TOO_LARGE, SERVAL_INVALID_REQUEST, SERVAL_OVERLOADED */
  push(piece: Buffer): void {
    let unread = piece;
    while (unread.byteLength > 0)
      unread = this.#message === null ? this.#begin(unread) : this.#goOn(this.#message, unread);
  }

  /** Nothing more comes: to be called of a call that is over, whether it was whole or not. */
  stop(): void {
    if (this.#message === null) return;
    this.#message = null;
    this.#options.budget.release(this.#messageBytes);
  }

  /** @returns what is not read yet. */
  #begin(piece: Buffer): Buffer {
    const { maxBytes, budget, onMessage } = this.#options;
    const wanted = PREFIX_BYTES - this.#prefix.byteLength;
    const prefix = wanted === PREFIX_BYTES ? piece : Buffer.concat([this.#prefix, piece.subarray(0, wanted)]);
    if (prefix.byteLength < PREFIX_BYTES) {
      this.#prefix = Buffer.from(prefix);
      return piece.subarray(wanted);
    }
    const isCompressed = prefix[0] === 1;
    const length = prefix.readUInt32BE(1);
    if (!isCompressed && prefix[0] !== 0)
      throw new ServalError('SERVAL_INVALID_REQUEST', 'The bytes are no gRPC message.');
    if (length > maxBytes) throw tooLarge(maxBytes);
    const rest = piece.subarray(wanted);
    if (rest.byteLength >= length) {
      this.#prefix = NONE;
      onMessage(Buffer.from(rest.subarray(0, length)), isCompressed);
      return rest.subarray(length);
    }
    budget.take(length);
    this.#prefix = Buffer.from(prefix.subarray(0, PREFIX_BYTES));
    this.#message = new GrowingBody(Math.min(length, MAX_BELIEVED_BYTES));
    this.#messageBytes = length;
    return rest;
  }

  #goOn(message: GrowingBody, piece: Buffer): Buffer {
    const taken = piece.subarray(0, this.#messageBytes - message.byteLength);
    message.copy(taken);
    if (message.byteLength < this.#messageBytes) return NONE;
    const isCompressed = this.#prefix[0] === 1;
    this.#prefix = NONE;
    this.stop();
    this.#options.onMessage(message.whole(), isCompressed);
    return piece.subarray(taken.byteLength);
  }
}

export function tooLarge(maxBytes: number): ServalError {
  return new ServalError(
    'SERVAL_BODY_TOO_LARGE',
    `A message has more than ${maxBytes} bytes; send fewer inputs at once.`,
  );
}

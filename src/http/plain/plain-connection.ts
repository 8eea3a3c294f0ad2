import type { Socket } from 'node:net';
import type { ClientConnection } from '../../pipelines/predictor.ts';
import type { PlainAnswer, PlainAnswers } from './plain-answers.ts';
import { readPlainRequest } from './plain-request.ts';

/** More is not read before the request that stands before it is answered. */
const MAX_UNREAD_BYTES = 65_536;

export interface PlainConnectionOptions {
  readonly answers: Pick<PlainAnswers, 'answerTo'>;
  /** Gives the connection to node:http, as if it had just been opened. */
  readonly giveOver: (socket: Socket) => void;
  /** Called when this is over: the connection is closed, or node:http's. */
  readonly ended: (connection: PlainConnection) => void;
}

/** One connection that is read without node:http, a request after another, until one comes that is not plain. */
export class PlainConnection implements ClientConnection {
  readonly #socket: Socket;
  readonly #options: PlainConnectionOptions;
  /** When the request came that is being answered; null while there is none. */
  #begun: number | null = null;
  /** What came after it. */
  #unread: Buffer | null = null;
  #onGone: (() => void) | null = null;
  #answers = 0;
  #isReleased = false;
  #idleSince = performance.now();
  readonly #onData = (chunk: Buffer) => this.#receive(chunk);
  readonly #onClose = () => this.#closed();

  constructor(socket: Socket, options: PlainConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', this.#onData).on('close', this.#onClose).on('end', endToo).on('error', ignore);
  }

  get isAnswering(): boolean {
    return this.#begun !== null;
  }

  /** Answers that it was given. */
  get answers(): number {
    return this.#answers;
  }

  /** ms since it was opened, or given its last answer; 0 while a request is being answered. */
  get idleMs(): number {
    return this.isAnswering ? 0 : performance.now() - this.#idleSince;
  }

  waitedMs(): number {
    return performance.now() - (this.#begun ?? performance.now());
  }

  isClosed(): boolean {
    return this.#socket.destroyed;
  }

  onClose(callback: () => void): () => void {
    this.#onGone = callback;
    return () => {
      this.#onGone = null;
    };
  }

  /** What the kernel has is sent all the same: where that is everything, the connection needs no end of its own. */
  end(): void {
    if (this.#socket.writableLength === 0) this.#socket.destroy();
    else this.#socket.destroySoon();
  }

  /** Gives it over, after the answer that it waits for. */
  release(): void {
    if (this.isAnswering) this.#isReleased = true;
    else this.#giveOver();
  }

  /** @param unread what was read of it already. */
  #giveOver(unread: Buffer | null = null): void {
    const socket = this.#socket;
    this.#options.ended(this);
    socket.off('data', this.#onData).off('close', this.#onClose).off('end', endToo).off('error', ignore);
    // Nothing is read between the two: what node:http gets first is what came first.
    socket.pause();
    if (unread !== null) socket.unshift(unread);
    this.#options.giveOver(socket);
    socket.resume();
  }

  #receive(chunk: Buffer): void {
    // What comes after the last answer is for nobody.
    if (this.#socket.writableEnded) return;
    if (this.isAnswering) {
      this.#unread = joined(this.#unread, chunk);
      if (this.#unread.byteLength > MAX_UNREAD_BYTES) this.#socket.pause();
      return;
    }
    const request = readPlainRequest(chunk);
    if (request === null) {
      this.#giveOver(chunk);
      return;
    }
    this.#begun = performance.now();
    const answer = this.#options.answers.answerTo(request, this);
    if (answer instanceof Promise) void answer.then((later) => this.#answer(later, chunk));
    else this.#answer(answer, chunk);
  }

  #answer(answer: PlainAnswer | null, chunk: Buffer): void {
    this.#begun = null;
    this.#idleSince = performance.now();
    const socket = this.#socket;
    if (socket.destroyed) return;
    const unread = this.#unread;
    this.#unread = null;
    if (answer === null) {
      this.#giveOver(joined(chunk, unread));
      return;
    }
    this.#answers += 1;
    // A client that does not read its answers is not read either.
    if (!socket.write(answer.bytes)) socket.pause().once('drain', () => socket.resume());
    else if (socket.isPaused()) socket.resume();
    if (answer.isLast) this.end();
    else if (this.#isReleased) this.#giveOver(unread);
    else if (unread !== null) this.#receive(unread);
  }

  #closed(): void {
    this.#onGone?.();
    this.#options.ended(this);
  }
}

function joined(before: Buffer | null, after: Buffer | null): Buffer {
  return Buffer.concat([before, after].filter((piece) => piece !== null));
}

/** A client that has said all: so has the server. */
function endToo(this: Socket): void {
  this.end();
}

/** `close` comes after it. */
function ignore(): void {}

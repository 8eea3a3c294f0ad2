import type { Socket } from 'node:net';
import { freeOwnMemory } from '../../off-heap.ts';
import type { ClientConnection } from '../../pipelines/predictor.ts';
import { ArrivingRequest } from './arriving-request.ts';
import type { HeadReader } from './head-reader.ts';
import type { NodeHttp } from './node-http.ts';
import type { PlainAnswer } from './plain-answer.ts';
import type { PlainAnswers } from './plain-answers.ts';
import type { PlainPrediction } from './plain-prediction.ts';

/** More is not read before the request that stands before it is answered. */
const MAX_UNREAD_BYTES = 65_536;

export interface PlainConnectionOptions {
  readonly answers: Pick<PlainAnswers, 'expect' | 'refuse' | 'hold' | 'answerTo' | 'abandon'>;
  readonly nodeHttp: NodeHttp;
  readonly heads: HeadReader;
  /** Called when this is over: the connection is closed, or node:http's. */
  readonly ended: (connection: PlainConnection) => void;
}

/** A request whose body comes in pieces. */
interface Awaited {
  readonly request: ArrivingRequest;
  readonly prediction: PlainPrediction;
  /** Says that its body is no longer held. */
  readonly release: () => void;
}

/** A request that has been refused; its answer is given when its body has come, as some clients look for it only then. */
interface Skipped {
  readonly answer: PlainAnswer;
  readonly begun: number;
  missingBytes: number;
}

/** One connection that is read without node:http, a request after another, until one comes that is not plain. */
export class PlainConnection implements ClientConnection {
  readonly #socket: Socket;
  readonly #options: PlainConnectionOptions;
  #awaited: Awaited | null = null;
  #skipped: Skipped | null = null;
  /** When the request came that is being answered; null while there is none. */
  #begun: number | null = null;
  /** What came after it. */
  #unread: Buffer<ArrayBuffer> | null = null;
  #onGone: (() => void) | null = null;
  #answers = 0;
  #isReleased = false;
  #idleSince = performance.now();
  readonly #onData = (chunk: Buffer<ArrayBuffer>) => this.#receive(chunk);
  readonly #onClose = () => this.#closed();

  constructor(socket: Socket, options: PlainConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', this.#onData).on('close', this.#onClose).on('end', endToo).on('error', ignore);
  }

  get key(): unknown {
    return this;
  }

  get isAnswering(): boolean {
    return this.#begun !== null;
  }

  /** Answers that it was given. */
  get answers(): number {
    return this.#answers;
  }

  /** ms since it was opened, or given its last answer; 0 while a request is being answered, or has begun to come. */
  get idleMs(): number {
    return this.isAnswering || this.#arrivingSince !== undefined ? 0 : performance.now() - this.#idleSince;
  }

  /** ms since the head of the request came that is not whole yet; 0 where there is none. */
  get arrivingMs(): number {
    const since = this.#arrivingSince;
    return since === undefined ? 0 : performance.now() - since;
  }

  get #arrivingSince(): number | undefined {
    return this.#awaited?.request.begun ?? this.#skipped?.begun;
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
    else if (this.#skipped !== null) this.#answer({ ...this.#skipped.answer, isLast: true });
    else this.#giveOver(this.#awaited?.request.bytes() ?? null);
  }

  /** @param unread what was read of it already. */
  #giveOver(unread: Buffer | null = null): void {
    const socket = this.#socket;
    this.#awaited?.release();
    this.#awaited = null;
    this.#options.ended(this);
    socket.off('data', this.#onData).off('close', this.#onClose).off('end', endToo).off('error', ignore);
    // Nothing is read between the two: what node:http gets first is what came first.
    socket.pause();
    if (unread !== null) socket.unshift(unread);
    this.#options.nodeHttp.giveOver(socket);
    socket.resume();
  }

  #receive(chunk: Buffer<ArrayBuffer>): void {
    // What comes after the last answer is for nobody.
    if (this.#socket.writableEnded) return;
    if (this.isAnswering) {
      this.#unread = joined(this.#unread, chunk);
      if (this.#unread.byteLength > MAX_UNREAD_BYTES) this.#socket.pause();
      return;
    }
    if (this.#skipped !== null) this.#skip(this.#skipped, chunk);
    else if (this.#awaited !== null) this.#continue(this.#awaited, chunk);
    else this.#begin(chunk);
  }

  #begin(chunk: Buffer<ArrayBuffer>): void {
    const { answers, heads } = this.#options;
    const head = heads.read(chunk);
    const missingBytes = head === null ? -1 : head.headBytes + head.bodyBytes - chunk.byteLength;
    if (head === null || missingBytes < 0) {
      this.#giveOver(chunk);
      return;
    }
    const prediction = answers.expect(head);
    const refusal = prediction === null ? null : answers.refuse(prediction, head);
    if (refusal !== null) {
      this.#skipped = { answer: refusal, begun: performance.now(), missingBytes: head.headBytes + head.bodyBytes };
      this.#skip(this.#skipped, chunk);
      return;
    }
    if (missingBytes === 0) {
      this.#answerTo(new ArrivingRequest(head, chunk), prediction, ignore);
      return;
    }
    const release = prediction === null ? null : answers.hold(prediction, head);
    if (prediction === null || release === null) this.#giveOver(chunk);
    else this.#awaited = { request: new ArrivingRequest(head, chunk), prediction, release };
  }

  #skip(skipped: Skipped, piece: Buffer<ArrayBuffer>): void {
    skipped.missingBytes -= piece.byteLength;
    const { answer, missingBytes } = skipped;
    if (missingBytes < 0) this.#unread = piece.subarray(missingBytes);
    else freeOwnMemory(piece);
    if (missingBytes <= 0) this.#answer(answer);
  }

  #continue({ request, prediction, release }: Awaited, piece: Buffer<ArrayBuffer>): void {
    request.push(piece);
    const { missingBytes } = request;
    if (missingBytes > 0) return;
    if (missingBytes < 0) {
      this.#giveOver(request.bytes());
      return;
    }
    this.#awaited = null;
    this.#answerTo(request, prediction, release);
  }

  #answerTo(request: ArrivingRequest, prediction: PlainPrediction | null, release: () => void): void {
    const { answers, nodeHttp } = this.#options;
    this.#begun = request.begun;
    const answer = prediction === null ? null : answers.answerTo(prediction, request.whole(), this);
    const finish = (found: PlainAnswer | null) => {
      release();
      if (found !== null) this.#answer(found);
      else void nodeHttp.ask(request.bytes(), this).then((other) => this.#answer(other));
    };
    if (answer instanceof Promise) void answer.then(finish);
    else finish(answer);
  }

  #answer(answer: PlainAnswer): void {
    this.#begun = null;
    this.#skipped = null;
    this.#idleSince = performance.now();
    const socket = this.#socket;
    if (socket.destroyed) {
      answer.onSent?.(new Error('The client went away.'));
      return;
    }
    const unread = this.#unread;
    this.#unread = null;
    this.#answers += 1;
    // A client that does not read its answers is not read either.
    if (!this.#write(answer)) socket.pause().once('drain', () => socket.resume());
    else if (socket.isPaused()) socket.resume();
    if (answer.isLast) this.end();
    else if (this.#isReleased) this.#giveOver(unread);
    else if (unread !== null) this.#receive(unread);
  }

  /** @returns false where it waits for the client. */
  #write({ pieces, onSent }: PlainAnswer): boolean {
    const socket = this.#socket;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    let isThrough = true;
    for (const [at, piece] of pieces.entries()) isThrough = socket.write(piece, at === last ? onSent : undefined);
    if (last > 0) socket.uncork();
    return isThrough;
  }

  #closed(): void {
    const { answers, ended } = this.#options;
    this.#onGone?.();
    if (this.#awaited !== null) {
      this.#awaited.release();
      answers.abandon(this.#awaited.prediction, this.#awaited.request.head);
    }
    ended(this);
  }
}

function joined(before: Buffer<ArrayBuffer> | null, after: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  return before === null ? after : Buffer.concat([before, after]);
}

/** A client that has said all: so has the server. */
function endToo(this: Socket): void {
  this.end();
}

/** `close` comes after it. */
function ignore(): void {}

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { EarlyRefusal } from './early-refusal.ts';
import { readPlainRequest } from './plain-request.ts';

interface HeldConnectionsOptions {
  readonly refusal: EarlyRefusal;
  /** How long a connection is kept whose client asks for nothing more. */
  readonly keepAliveTimeoutMs: number;
  /** What gives a connection to node:http. */
  readonly giveOver: (socket: Socket) => void;
}

interface Held {
  readonly onData: (chunk: Buffer) => void;
  readonly onClose: () => void;
  /** Answers that it was given. */
  refusals: number;
  /** When it was opened, or given its last answer. */
  since: number;
}

/** For one that has said nothing yet node:http has its own limits. */
const SILENT_MS = 1_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Connections that are opened while a queue is long, read without node:http: its parser, its two objects and their streams
 * cost more than a refusal, and with a connection for each request, as floods have it, most of what it takes. A connection
 * whose request is anything but plain, or has a chance, is node:http's from there on, as if it had just been opened.
 */
export class HeldConnections {
  readonly #options: HeldConnectionsOptions;
  readonly #held = new Map<Socket, Held>();
  #timer: NodeJS.Timeout | null = null;

  private constructor(options: HeldConnectionsOptions) {
    this.#options = options;
  }

  /** Puts it before node:http's own listener. */
  static before(server: Server, refusal: EarlyRefusal, keepAliveTimeoutMs: number): HeldConnections {
    const [listener] = server.listeners('connection') as ((socket: Socket) => void)[];
    if (listener === undefined) throw new Error('This is a bug: nobody reads connections');
    const giveOver = (socket: Socket) => listener.call(server, socket);
    const held = new HeldConnections({ refusal, keepAliveTimeoutMs, giveOver });
    server.off('connection', listener).on('connection', (socket) => {
      if (refusal.isLikely()) held.#hold(socket);
      else giveOver(socket);
    });
    return held;
  }

  get count(): number {
    return this.#held.size;
  }

  /** Gives all over, as before the server closes. */
  release(): void {
    for (const socket of [...this.#held.keys()]) this.#giveOver(socket);
  }

  #hold(socket: Socket): void {
    const held: Held = {
      onData: (chunk) => this.#read(socket, held, chunk),
      onClose: () => this.#held.delete(socket),
      refusals: 0,
      since: performance.now(),
    };
    this.#held.set(socket, held);
    socket.on('data', held.onData).on('close', held.onClose).on('end', endToo).on('error', ignore);
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  #read(socket: Socket, held: Held, chunk: Buffer): void {
    // What comes after the last answer is for nobody.
    if (socket.writableEnded) return;
    const request = readPlainRequest(chunk);
    const answer = request === null ? null : this.#options.refusal.answerTo(request);
    if (request === null || answer === null) {
      this.#giveOver(socket, chunk);
      return;
    }
    held.refusals += 1;
    held.since = performance.now();
    // A client that does not read its answers is not read either.
    if (!socket.write(answer)) socket.pause().once('drain', () => socket.resume());
    if (!request.keepsAlive) socket.destroySoon();
  }

  #giveOver(socket: Socket, unread?: Buffer): void {
    const held = this.#held.get(socket);
    if (held === undefined) return;
    this.#held.delete(socket);
    socket.off('data', held.onData).off('close', held.onClose).off('end', endToo).off('error', ignore);
    // Nothing is read between the two: what node:http gets first is what came first.
    socket.pause();
    if (unread !== undefined) socket.unshift(unread);
    this.#options.giveOver(socket);
    socket.resume();
  }

  #look(): void {
    const now = performance.now();
    for (const [socket, { refusals, since }] of this.#held) {
      if (refusals === 0 && now - since > SILENT_MS) this.#giveOver(socket);
      else if (now - since > this.#options.keepAliveTimeoutMs) socket.destroySoon();
    }
    if (this.#held.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** A client that has said all: so has the server. */
function endToo(this: Socket): void {
  this.end();
}

/** `close` comes after it. */
function ignore(): void {}

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { HeadReader } from './head-reader.ts';
import { NodeHttp } from './node-http.ts';
import type { PlainAnswers } from './plain-answers.ts';
import { PlainConnection, type PlainConnectionOptions } from './plain-connection.ts';

/** For one that has said nothing yet node:http has its own limits. */
const SILENT_MS = 1_000;
const LOOK_EVERY_MS = 1_000;
/** What comes more slowly is a case for node:http's limits as well. */
const MAX_ARRIVING_MS = 1_000;

/**
 * Connections that node:http does not read yet: its parser, its two objects and their streams cost more than a refusal, and
 * a third of what the main process spends on an answer. A connection whose request is not plainly read is node:http's from
 * there on, as if it had just been opened.
 */
export class PlainConnections {
  readonly #keepAliveTimeoutMs: number;
  readonly #options: PlainConnectionOptions;
  readonly #all = new Set<PlainConnection>();
  #timer: NodeJS.Timeout | null = null;
  #isReleased = false;
  #whenEmpty: (() => void) | null = null;

  private constructor(options: Omit<PlainConnectionOptions, 'ended'>, keepAliveTimeoutMs: number) {
    this.#keepAliveTimeoutMs = keepAliveTimeoutMs;
    this.#options = { ...options, ended: (connection) => this.#ended(connection) };
  }

  /**
   * Puts it before node:http's own listener.
   * @param keepAliveTimeoutMs how long a connection is kept whose client asks for nothing more.
   */
  static before(server: Server, answers: PlainAnswers, keepAliveTimeoutMs: number): PlainConnections {
    const nodeHttp = new NodeHttp(server);
    const connections = new PlainConnections({ answers, nodeHttp, heads: new HeadReader() }, keepAliveTimeoutMs);
    server.on('connection', (socket) => {
      if (connections.#isReleased) nodeHttp.giveOver(socket);
      else connections.#add(socket);
    });
    return connections;
  }

  /** Those that have asked for something. */
  get keptCount(): number {
    return [...this.#all].filter(({ answers, isAnswering }) => answers > 0 || isAnswering).length;
  }

  /**
   * Gives all over, as before the server closes, and calls back once, when each has got the answer that it waits for. Those
   * that are opened from now on are node:http's.
   */
  release(callback: () => void): void {
    this.#isReleased = true;
    this.#whenEmpty = callback;
    for (const connection of [...this.#all]) connection.release();
    this.#tellIfEmpty();
  }

  #add(socket: Socket): void {
    this.#all.add(new PlainConnection(socket, this.#options));
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  #ended(connection: PlainConnection): void {
    this.#all.delete(connection);
    this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    if (this.#all.size > 0) return;
    this.#whenEmpty?.();
    this.#whenEmpty = null;
  }

  #look(): void {
    for (const connection of this.#all) {
      const { answers, idleMs, arrivingMs } = connection;
      if (arrivingMs > MAX_ARRIVING_MS || (answers === 0 && idleMs > SILENT_MS)) connection.release();
      else if (idleMs > this.#keepAliveTimeoutMs) connection.end();
    }
    if (this.#all.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

import type { Socket } from 'node:net';
import { encodeFrame, FrameReader } from './frame.ts';

/** One end of the connection between the main process and a worker: messages of two types, in order. */
export class Wire<Sent, Received> {
  readonly #socket: Socket;
  readonly #reader: FrameReader;

  constructor(socket: Socket, onMessage: (message: Received) => void) {
    this.#socket = socket;
    this.#reader = new FrameReader((message) => onMessage(message as Received));
    // The other end's process is gone, or about to be: its `exit`, or `closed` here, tells so.
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.#reader.push(chunk));
  }

  /** Called when the other end has closed. */
  onClosed(callback: () => void): void {
    this.#socket.once('close', callback);
  }

  send(message: Sent): void {
    if (!this.#socket.writable) return;
    this.#socket.cork();
    for (const piece of encodeFrame(message)) this.#socket.write(piece);
    this.#socket.uncork();
  }
}

import { Socket } from 'node:net';
import { encodeFrame, FrameReader } from './frame.ts';

const READ_BYTES = 262_144;

/** One end of the connection between the main process and a worker: messages of two types, in order. */
export class Wire<Sent, Received> {
  readonly #socket: Socket;
  readonly #reader: FrameReader;

  /** @param end a socket, or the file descriptor of one that this process was born with. */
  constructor(end: Socket | number, onMessage: (message: Received) => void) {
    this.#reader = new FrameReader((message) => onMessage(message as Received));
    this.#socket = typeof end === 'number' ? this.#open(end) : end;
    // The other end's process is gone, or about to be: its `exit`, or `closed` here, tells so.
    this.#socket.on('error', () => {});
    if (typeof end !== 'number') end.on('data', (chunk) => this.#reader.push(chunk));
  }

  /** Reads into one piece of memory over and over, where `data` events come with a new one each. */
  #open(fd: number): Socket {
    const callback = (length: number, piece: Uint8Array) => {
      this.#reader.push(piece.subarray(0, length));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback };
    return new Socket({ fd, readable: true, writable: true, onread });
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

import { Socket } from 'node:net';
import { freeOwnMemory } from '../off-heap.ts';
import { announcement, encodeFrame, FrameReader } from './frame.ts';
import type { Mailbox } from './mailbox.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { encodeShortFrame } from './short-frame.ts';

const READ_BYTES = 262_144;

export interface WireEnds {
  /** A socket, or the file descriptor of one that this process was born with. */
  readonly end: Socket | number;
  /** For large messages; null where all go through the socket. */
  readonly mailbox: Mailbox | null;
}

type Message = ToWorker | FromWorker;

/** One end of the connection between the main process and a worker: messages of two types, in order. */
export class Wire<Sent extends Message, Received extends Message> {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #mailbox: Mailbox | null;

  constructor({ end, mailbox }: WireEnds, onMessage: (message: Received) => void) {
    this.#mailbox = mailbox;
    this.#reader = new FrameReader(
      (message) => onMessage(message as Received),
      (byteLength) => {
        if (mailbox === null) throw new Error('This is a bug: a message in a mailbox that is not there');
        return mailbox.take(byteLength);
      },
    );
    this.#socket = typeof end === 'number' ? this.#open(end) : end;
    // The other end's process is gone, or about to be: its `exit`, or `closed` here, tells so.
    this.#socket.on('error', () => {});
    if (typeof end !== 'number') {
      end.on('data', (chunk) => {
        this.#reader.push(chunk);
        freeOwnMemory(chunk);
      });
    }
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

  /** @param onSent called when all of it has left this process: the message's arrays may change from then on. */
  send(message: Sent, onSent?: () => void): void {
    if (!this.#socket.writable) return;
    const short = encodeShortFrame(message);
    if (short !== null) {
      this.#socket.write(short, onSent);
      return;
    }
    const pieces = encodeFrame(message);
    const byteLength = pieces.reduce((total, piece) => total + piece.byteLength, 0);
    if (this.#mailbox?.put(pieces, byteLength)) {
      this.#socket.write(announcement(byteLength));
      onSent?.();
      return;
    }
    this.#socket.cork();
    const last = pieces.length - 1;
    for (const [at, piece] of pieces.entries()) this.#socket.write(piece, at === last ? onSent : undefined);
    this.#socket.uncork();
  }
}

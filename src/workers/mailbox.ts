import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, unlinkSync, writevSync } from 'node:fs';

/** The file descriptor of a worker's mailbox. */
export const MAILBOX_FD = 4;

/** Where Linux keeps files in memory only: what clients send must not touch a disk. */
const FOLDER = '/dev/shm';
/** A socket holds about as much; more goes through it in turns, each of which wakes both processes. */
const MIN_BYTES = 131_072;
/** What one mailbox may take of the machine's memory. Larger messages are too few to keep as much for them. */
const MAX_BYTES = 4_194_304;

/**
 * One place for one large message between the main process and a worker, in memory that both reach: written and read with
 * one call each. The two take turns, a batch for a result, so that it is free whenever one of them has something to send.
 */
export class Mailbox {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** A new one without a name, gone with the last process that has it; null where there is no such memory. */
  static create(): Mailbox | null {
    const file = `${FOLDER}/serval-${randomUUID()}`;
    try {
      const fd = openSync(file, 'wx+', 0o600);
      unlinkSync(file);
      return new Mailbox(fd);
    } catch {
      return null;
    }
  }

  /** The one that this process was born with. */
  static inherited(): Mailbox | null {
    return fstatSync(MAILBOX_FD).isFile() ? new Mailbox(MAILBOX_FD) : null;
  }

  /** @returns false where the message has to go another way: it is small, too large, or no memory is left. */
  put(pieces: readonly Buffer[], byteLength: number): boolean {
    if (byteLength < MIN_BYTES || byteLength > MAX_BYTES) return false;
    try {
      return writevSync(this.fd, pieces, 0) === byteLength;
    } catch {
      return false;
    }
  }

  /** @returns what was put last, in memory of its own. */
  take(byteLength: number): Buffer {
    const message = Buffer.allocUnsafeSlow(byteLength);
    const read = readSync(this.fd, message, 0, byteLength, 0);
    if (read !== byteLength) throw new Error(`This is a bug: ${read} of ${byteLength} bytes in the mailbox`);
    return message;
  }

  close(): void {
    closeSync(this.fd);
  }
}

import { existsSync, readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { Mailbox } from '../../src/workers/mailbox.ts';
import type { ToWorker } from '../../src/workers/protocol.ts';
import { Wire } from '../../src/workers/wire.ts';

const open: Mailbox[] = [];

afterEach(() => {
  for (const mailbox of open.splice(0)) mailbox.close();
});

function createMailbox(): Mailbox {
  const mailbox = Mailbox.create();
  if (mailbox === null) throw new Error('This machine has no memory to share');
  open.push(mailbox);
  return mailbox;
}

// Where there is no /dev/shm, as on macOS, all messages go through the socket.
describe.skipIf(!existsSync('/dev/shm'))('a mailbox', () => {
  test('gives what was put last', () => {
    const mailbox = createMailbox();
    expect(mailbox.put([Buffer.alloc(100_000, 1), Buffer.alloc(200_000, 2)], 300_000)).toBe(true);
    expect(mailbox.put([Buffer.alloc(150_000, 3)], 150_000)).toBe(true);
    expect(mailbox.take(150_000).equals(Buffer.alloc(150_000, 3))).toBe(true);
  });

  test('leaves no name behind', () => {
    const before = readdirSync('/dev/shm');
    createMailbox();
    expect(readdirSync('/dev/shm')).toEqual(before);
  });

  test.each([1_000, 8_000_000])('does not take %i bytes', (bytes) => {
    expect(createMailbox().put([Buffer.alloc(bytes)], bytes)).toBe(false);
  });

  test('does not take what cannot be written', () => {
    const mailbox = Mailbox.create();
    mailbox?.close();
    expect(mailbox?.put([Buffer.alloc(200_000)], 200_000)).toBe(false);
  });
});

/** Two sockets that hand each other what is written, and count it. */
function socketPair(): { readonly ends: readonly [Socket, Socket]; readonly written: () => number } {
  let written = 0;
  const make = (other: () => Duplex) =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written += chunk.byteLength;
        // The reader may give the chunk's memory back.
        other().push(Buffer.from(chunk));
        done();
      },
    });
  const one: Duplex = make(() => two);
  const two: Duplex = make(() => one);
  return { ends: [one as Socket, two as Socket], written: () => written };
}

/** Sends a message from one end to the other. */
async function sent(message: unknown, mailbox: Mailbox | null) {
  const { ends, written } = socketPair();
  const received = Promise.withResolvers<unknown>();
  const left = Promise.withResolvers<void>();
  new Wire({ end: ends[1], mailbox }, received.resolve);
  // A wire takes whatever it is given; what it is meant for is in protocol.ts.
  new Wire({ end: ends[0], mailbox }, () => {}).send(message as ToWorker, left.resolve);
  await left.promise;
  return { message: await received.promise, written: written() };
}

describe('a wire', () => {
  const large = { id: 7, pixels: new Float32Array(100_000).fill(0.5) };

  test('brings a large message by the mailbox, and tells of it by the socket', async () => {
    expect(await sent(large, createMailbox())).toStrictEqual({ message: large, written: 8 });
  });

  test('brings the same by the socket alone', async () => {
    const { message, written } = await sent(large, null);
    expect(message).toStrictEqual(large);
    expect(written).toBeGreaterThan(400_000);
  });

  test('brings texts in a short frame', async () => {
    const items = [{ kind: 'tokens', ids: Int32Array.of(101, 7, 102) } as const];
    const texts = { type: 'run', versionKey: 'sentiment/2', items, isLone: false } as const;
    expect(await sent(texts, createMailbox())).toStrictEqual({ message: texts, written: 16 + 4 + 12 + 11 });
  });

  test('brings small messages by the socket', async () => {
    const small = { id: 7, ids: Int32Array.of(1, 2, 3) };
    const { message, written } = await sent(small, createMailbox());
    expect(message).toStrictEqual(small);
    expect(written).toBeGreaterThan(8);
  });
});

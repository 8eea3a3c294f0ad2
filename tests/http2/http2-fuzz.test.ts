import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { mutateBytes } from '../../load-tests/mutate.ts';
import { Random } from '../../load-tests/random.ts';
import { Flag, FrameType } from '../../src/http2/frame.ts';
import { FrameReader } from '../../src/http2/frame-reader.ts';
import { headerBlock } from '../../src/http2/hpack-encoder.ts';
import { Http2Connection } from '../../src/http2/http2-connection.ts';
import type { Http2Stream } from '../../src/http2/http2-stream.ts';
import { frame, number32, PREFACE } from '../fixtures/http2-peer.ts';

const CONVERSATIONS = 1_500;
const SEED = 20_261;
const END = Flag.endStream | Flag.endHeaders;
const BLOCK = headerBlock([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/'],
  ['content-type', 'text/plain'],
  ['x-long', 'value'.repeat(40)],
]);
/** In Huffman’s code, and for the table: `custom-key: custom-value` of RFC 7541, C.4.3. */
const KEPT = Buffer.from('408825a849e95ba97d7f8925a849e95bb8e8b4bf', 'hex');

/** What a client says that uses all there is. */
const GOOD = Buffer.concat([
  frame(FrameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 50, 0, 1, 0, 0, 0, 0])),
  frame(FrameType.settings, Flag.ack, 0),
  frame(FrameType.headers, Flag.endHeaders, 1, Buffer.concat([BLOCK, KEPT])),
  frame(FrameType.data, 0, 1, Buffer.from('hello')),
  frame(FrameType.headers, Flag.endStream, 3, BLOCK.subarray(0, 20)),
  frame(FrameType.continuation, Flag.endHeaders, 3, BLOCK.subarray(20)),
  frame(FrameType.windowUpdate, 0, 0, number32(1_000)),
  frame(FrameType.data, Flag.padded, 1, Buffer.from([2, 1, 1, 0, 0])),
  frame(FrameType.ping, 0, 0, Buffer.alloc(8)),
  frame(FrameType.headers, END | Flag.priority, 5, Buffer.concat([Buffer.from([0, 0, 0, 3, 9]), BLOCK])),
  frame(FrameType.priority, 0, 9, Buffer.alloc(5)),
  frame(FrameType.resetStream, 0, 3, number32(8)),
  frame(FrameType.windowUpdate, 0, 5, number32(100)),
  frame(FrameType.headers, END, 1, headerBlock([['x-trailer', 'yes']])),
  frame(FrameType.goAway, 0, 0, Buffer.alloc(8)),
]);

/** @returns the types of the frames that came back, and the streams whose work is not over after the connection. */
async function converse(bytes: Buffer, random: Random) {
  const [client, server] = duplexPair();
  const working = new Set<Http2Stream>();
  const types: number[] = [];
  const reader = new FrameReader((type) => types.push(type));
  client.on('data', (chunk: Buffer) => reader.push(chunk));
  client.on('error', () => {});
  const connection = new Http2Connection(server, {
    arrivalMs: 60_000,
    open: (stream) => {
      working.add(stream);
      const done = () => working.delete(stream);
      const finish = () => {
        stream.end(BLOCK);
        if (stream.isOver) done();
      };
      return {
        arrivesBy: Number.POSITIVE_INFINITY,
        onData: (piece) => {
          stream.consumed(piece.byteLength);
          stream.write(piece);
        },
        onEnd: () => {
          // Some answers come at once, others when the client may be gone.
          if (stream.id % 4 === 1) finish();
          else setImmediate(finish);
        },
        onLate: () => {},
        onGone: () => {
          done();
          stream.release();
        },
      };
    },
  });
  for (let at = 0; at < bytes.byteLength; ) {
    const to = at + random.whole(1, 200);
    client.write(bytes.subarray(at, to));
    at = to;
    if (random.next() < 0.3) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  const closed = server.closed ? null : once(server, 'close');
  connection.destroy();
  await closed;
  await new Promise(setImmediate);
  return { types: new Set(types), working: working.size };
}

test(`${CONVERSATIONS} conversations, changed at random, end no process and leave nothing behind`, async () => {
  const random = new Random(SEED);
  const whole = await converse(Buffer.concat([PREFACE, GOOD]), random);
  expect([...whole.types].sort()).toEqual(
    [FrameType.data, FrameType.headers, FrameType.settings, FrameType.ping, FrameType.windowUpdate].sort(),
  );
  expect(whole.working).toBe(0);
  let broken = 0;
  for (let at = 0; at < CONVERSATIONS; at++) {
    // Beyond the preface: what is wrong with that ends all at once.
    const { types, working } = await converse(Buffer.concat([PREFACE, mutateBytes(GOOD, random)]), random);
    expect(working, `conversation ${at}`).toBe(0);
    if (types.has(FrameType.goAway)) broken += 1;
  }
  expect(broken).toBeGreaterThan(CONVERSATIONS / 10);
  expect(broken).toBeLessThan(CONVERSATIONS);
});

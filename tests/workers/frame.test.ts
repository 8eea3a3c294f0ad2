import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from '../../src/workers/frame.ts';

function noMailbox(): never {
  throw new Error('not announced');
}

/** What a reader makes of the bytes when they come in chunks of `chunkBytes`, each in the same reused memory. */
function readBack(bytes: Buffer, chunkBytes: number): unknown[] {
  const messages: unknown[] = [];
  const reader = new FrameReader((message) => messages.push(message), noMailbox);
  const reused = Buffer.alloc(chunkBytes);
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    const taken = bytes.copy(reused, 0, at, at + chunkBytes);
    reader.push(reused.subarray(0, taken));
  }
  return messages;
}

const ARRAYS = [
  new Int8Array([-1, 2, 3]),
  new Uint8ClampedArray([1, 255]),
  new Int16Array([-300]),
  new Uint16Array([65_535, 1, 2]),
  new Int32Array([-70_000]),
  new Uint32Array([4_000_000_000]),
  new BigInt64Array([-1n, 2n ** 62n]),
  new BigUint64Array([2n ** 64n - 1n]),
  new Float32Array([0.1, Number.NaN, Number.NEGATIVE_INFINITY]),
  new Float64Array([Math.PI]),
  new Float32Array(0),
];

describe('a frame', () => {
  it.each(ARRAYS)('brings %s back as it was', (array) => {
    const [message] = readBack(Buffer.concat(encodeFrame({ before: new Int8Array(1), array, after: 'é' })), 64);
    expect(message).toStrictEqual({ before: new Int8Array(1), array, after: 'é' });
  });

  it('brings back a view of a part of a buffer, and a file’s bytes as a Buffer', () => {
    const bytes = Buffer.from('a long enough file').subarray(2, 9);
    const [message] = readBack(Buffer.concat(encodeFrame({ bytes })), 64);
    expect(message).toStrictEqual({ bytes: Buffer.from('long en') });
  });

  it.each([1, 3, 7, 64, 1_000_000])('is put together from chunks of %i bytes', (chunkBytes) => {
    const messages = [
      { type: 'run', items: [{ kind: 'tokens', ids: [101, 2023, 102] }], nothing: undefined },
      { image: Buffer.alloc(20_000, 'image'), scores: new Float32Array(1_000).fill(0.25) },
      { type: 'exit' },
    ];
    const bytes = Buffer.concat(messages.flatMap(encodeFrame));
    expect(readBack(bytes, chunkBytes)).toStrictEqual(messages);
  });

  it('hands a large array on without a copy', () => {
    const image = Buffer.alloc(100_000);
    expect(encodeFrame({ image }).some(({ buffer }) => buffer === image.buffer)).toBe(true);
  });
});

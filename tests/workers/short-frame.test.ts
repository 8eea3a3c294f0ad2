import { describe, expect, test } from 'vitest';
import type { EncodedItem, ItemOutcome } from '../../src/scheduler/item.ts';
import { decodeFrame, encodeFrame, FrameReader } from '../../src/workers/frame.ts';
import type { FromWorker, ToWorker } from '../../src/workers/protocol.ts';
import { decodeShortFrame, encodeShortFrame, SCORES, TEXTS } from '../../src/workers/short-frame.ts';

function tokens(...ids: readonly number[]): EncodedItem {
  return { kind: 'tokens', ids: Int32Array.from(ids) };
}

function run(items: readonly EncodedItem[], versionKey = 'sentiment/2'): ToWorker {
  return { type: 'run', versionKey, items, isLone: items.length === 1 };
}

function scores(...items: readonly (readonly number[])[]): ItemOutcome[] {
  return items.map((values) => outcome({ logits: Float32Array.from(values) }));
}

function outcome(outputs: Readonly<Record<string, Float32Array>>): ItemOutcome {
  const tensors = Object.entries(outputs).map(([name, data]) => [
    name,
    { dataType: 'float32', shape: [data.length], data },
  ]);
  return { ok: true, output: Object.fromEntries(tensors) };
}

function ran(outcomes: readonly ItemOutcome[]): FromWorker {
  const begunAt = 1_795_846_750_237.123;
  return {
    type: 'ran',
    begunAt,
    isWide: outcomes.length === 1,
    prepares: false,
    outcomes,
    collateMs: 0.1,
    runMs: 3.25,
    pixels: 7,
  };
}

const SHORT: readonly (readonly [name: string, message: ToWorker | FromWorker, form: number])[] = [
  ['a text', run([tokens(101, 2023, 102)]), TEXTS],
  ['texts of several lengths', run([tokens(101, 102), tokens(101, 7, 8, 9, 102), tokens()]), TEXTS],
  ['ids below 0, and large ones', run([tokens(-1, 2 ** 31 - 1, -(2 ** 31))]), TEXTS],
  ['a version whose name takes more bytes than letters', run([tokens(1)], 'größe/1'), TEXTS],
  ['scores', ran(scores([0.25, -1, 3])), SCORES],
  ['scores of several', ran(scores([0.1, 0.2], [Number.NaN, Number.POSITIVE_INFINITY], [-0, 1e-45])), SCORES],
  [
    'outputs of several names',
    ran([1, 2].map((k) => outcome({ b: Float32Array.of(k), a: Float32Array.of(k, k) }))),
    SCORES,
  ],
];

/** What a reader makes of bytes that come in chunks. */
function readBack(bytes: Buffer, chunkBytes: number): unknown[] {
  const messages: unknown[] = [];
  const reader = new FrameReader(
    (message) => messages.push(message),
    () => expect.unreachable(),
  );
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
  return messages;
}

describe('a short frame', () => {
  test.each(SHORT)('brings back %s as the long one does', (_, message, form) => {
    const frame = encodeShortFrame(message);
    expect(frame?.readUInt32LE(0)).toBe((frame?.byteLength ?? 0) - 8);
    expect(frame?.readUInt32LE(4)).toBe(form);
    const decoded = frame && decodeShortFrame(frame);
    expect(decoded).toStrictEqual(message);
    const long = Buffer.from(Uint8Array.from(Buffer.concat(encodeFrame(message))).buffer);
    expect(decodeShortFrame(long)).toBeNull();
    expect(decoded).toStrictEqual(decodeFrame(long));
  });

  test.each([1, 5, 64, 100_000])('is put together from chunks of %i bytes, between long ones', (chunkBytes) => {
    const messages = [{ type: 'ready' } as const, ...SHORT.map(([, message]) => message), { type: 'exit' } as const];
    const bytes = messages.flatMap((message) => encodeShortFrame(message) ?? encodeFrame(message));
    expect(readBack(Buffer.concat(bytes), chunkBytes)).toStrictEqual(messages);
  });
});

const failed: ItemOutcome = { ok: false, error: { code: 'SERVAL_INTERNAL', message: 'no' } };
const [whole = failed] = scores([1, 2]);
const wide: ItemOutcome = {
  ok: true,
  output: { logits: { dataType: 'float64', shape: [1], data: Float64Array.of(1) } },
};

test.each<readonly [string, ToWorker | FromWorker]>([
  ['an image', run([{ kind: 'image', bytes: Buffer.alloc(5) }])],
  ['a text among images', run([tokens(1), { kind: 'image', bytes: Buffer.alloc(5) }])],
  ['a pair of texts', run([{ kind: 'tokens', ids: Int32Array.of(1, 2), typeIds: Int32Array.of(0, 1) }])],
  ['very many ids', run(Array.from({ length: 70 }, () => tokens(...Array(128).keys())))],
  ['an item that failed', ran([whole, failed])],
  ['a batch of which all failed', ran([failed])],
  ['a batch of nothing', ran([])],
  ['other numbers than floats of 32 bits', ran([wide])],
  ['shapes that differ', ran(scores([1, 2], [1, 2, 3]))],
  ['names that differ', ran([whole, outcome({ others: Float32Array.of(1, 2) })])],
  ['an output more', ran([whole, outcome({ logits: Float32Array.of(1, 2), more: Float32Array.of(1) })])],
  ['very many values', ran(scores(Array(9_000).fill(1)))],
  ['what is no batch', { type: 'exit' }],
])('%s goes the long way', (_, message) => {
  expect(encodeShortFrame(message)).toBeNull();
});

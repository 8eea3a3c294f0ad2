import { beforeEach, expect, test } from 'vitest';
import { MessageReader } from '../../src/grpc/message-reader.ts';
import { ReceivingBudget } from '../../src/http/body-reader.ts';

const MAX_BYTES = 3_000_000;
const BUDGET_BYTES = 5_000_000;

let budget: ReceivingBudget;

beforeEach(() => {
  budget = new ReceivingBudget(BUDGET_BYTES);
});

function messageOf(bytes: Buffer, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([prefix, bytes]);
}

function read(pieces: readonly Buffer[]) {
  const messages: { text: string; isCompressed: boolean }[] = [];
  const reader = new MessageReader({
    maxBytes: MAX_BYTES,
    budget,
    onMessage: (bytes, isCompressed) => messages.push({ text: bytes.toString('latin1'), isCompressed }),
  });
  for (const piece of pieces) reader.push(piece);
  return { messages, isBetween: reader.isBetween, reader };
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
}

const LONG = 'ab'.repeat(1_200_000);
const ALL = Buffer.concat([
  messageOf(Buffer.from('one')),
  messageOf(Buffer.alloc(0)),
  messageOf(Buffer.from(LONG), 1),
  messageOf(Buffer.from('four')),
]);

test.each([1, 2, 3, 7, 16_384, 1_000_000, 5_000_000])('messages that come in pieces of %i bytes are whole', (size) => {
  expect(read(cut(ALL, size))).toMatchObject({
    messages: [
      { text: 'one', isCompressed: false },
      { text: '', isCompressed: false },
      { text: LONG, isCompressed: true },
      { text: 'four', isCompressed: false },
    ],
    isBetween: true,
  });
  expect(budget.bytes).toBe(0);
});

test.each([1, 4, 5, 7])('after %i bytes of a message it is not between two', (length) => {
  const whole = messageOf(Buffer.from('one'));
  expect(read([whole, whole.subarray(0, length)])).toMatchObject({ isBetween: false });
});

test('a message that says it is too large is refused before it comes', () => {
  const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  expect(() => read([prefix])).toThrow(expect.objectContaining({ code: 'SERVAL_BODY_TOO_LARGE' }));
});

test('a first byte that is neither 0 nor 1 is no message', () => {
  expect(() => read([Buffer.from([2, 0, 0, 0, 0])])).toThrow(
    expect.objectContaining({ code: 'SERVAL_INVALID_REQUEST' }),
  );
});

test('what has not come whole counts against the budget of all clients, until the call is over', () => {
  const begun = messageOf(Buffer.alloc(MAX_BYTES)).subarray(0, 100);
  const { reader } = read([begun]);
  expect(budget.bytes).toBe(MAX_BYTES);
  expect(() => read([begun])).toThrow(expect.objectContaining({ code: 'SERVAL_OVERLOADED' }));
  reader.stop();
  reader.stop();
  expect(budget.bytes).toBe(0);
});

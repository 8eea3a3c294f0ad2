import type { ItemOutcome, ItemOutput, TokensItem } from '../scheduler/item.ts';
import { elementCount } from '../tensor.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

/**
 * Frames of the messages that most batches are: texts to a worker, and scores back. In V8's format, which names each field of
 * each item, writing and reading the two took the main process a tenth of what it does for a text.
 *
 *     texts  | frame bytes | TEXTS  | lone | items | an item's ids … | all ids … | version key, UTF-8 |
 *     scores | frame bytes | SCORES | wide | items | values | JSON bytes | begunAt | collateMs | runMs | pixels | values … | outputs, JSON |
 *
 * Unsigned 32-bit words, but for ids (signed), times and pixels (64-bit floats) and values (32-bit floats), all little-endian;
 * values stand item by item, an item's outputs in the order in which the JSON names them, as [[name, shape], …].
 */
export const TEXTS = 0xffff_fffe;
export const SCORES = 0xffff_fffd;

type TextsMessage = ToWorker & { type: 'run' };
type ScoresMessage = FromWorker & { type: 'ran' };
type Outputs = readonly (readonly [name: string, shape: readonly number[]])[];

/** Of the two words that every frame begins with, whichever form it has. */
export const LENGTHS_BYTES = 8;
/** Larger messages are few, and their arrays better not copied. */
const MAX_ELEMENTS = 8_192;
const TEXTS_WORDS = 4;
const SCORES_WORDS = 6;
const SCORES_DOUBLES = 4;
const VALUES_AT = 4 * SCORES_WORDS + 8 * SCORES_DOUBLES;

/** Null where the message is another one, or not plainly one of these. */
export function encodeShortFrame(message: ToWorker | FromWorker): Buffer | null {
  if (message.type === 'run') return encodeTexts(message);
  return message.type === 'ran' ? encodeScores(message) : null;
}

/** @param frame all of it, at the start of memory of its own. Null where it is of another form. */
export function decodeShortFrame(frame: Buffer): ToWorker | FromWorker | null {
  switch (frame.readUInt32LE(4)) {
    case TEXTS:
      return decodeTexts(frame);
    case SCORES:
      return decodeScores(frame);
    default:
      return null;
  }
}

function encodeTexts({ versionKey, items, isLone }: TextsMessage): Buffer | null {
  let count = 0;
  for (const item of items) {
    if (item.kind !== 'tokens' || item.typeIds !== undefined) return null;
    count += item.ids.length;
  }
  if (count > MAX_ELEMENTS) return null;
  const keyAt = 4 * (TEXTS_WORDS + items.length + count);
  const frame = Buffer.allocUnsafeSlow(keyAt + Buffer.byteLength(versionKey));
  const words = new Uint32Array(frame.buffer, 0, keyAt / 4);
  words[0] = frame.byteLength - LENGTHS_BYTES;
  words[1] = TEXTS;
  words[2] = Number(isLone);
  words[3] = items.length;
  let at = TEXTS_WORDS + items.length;
  for (const [index, item] of (items as readonly TokensItem[]).entries()) {
    words[TEXTS_WORDS + index] = item.ids.length;
    words.set(item.ids, at);
    at += item.ids.length;
  }
  frame.write(versionKey, keyAt);
  return frame;
}

function decodeTexts(frame: Buffer): TextsMessage {
  const isLone = frame.readUInt32LE(8) === 1;
  const count = frame.readUInt32LE(12);
  let at = 4 * (TEXTS_WORDS + count);
  const items = Array.from({ length: count }, (_, index): TokensItem => {
    const length = frame.readUInt32LE(4 * (TEXTS_WORDS + index));
    const ids = new Int32Array(frame.buffer, frame.byteOffset + at, length);
    at += ids.byteLength;
    return { kind: 'tokens', ids };
  });
  return { type: 'run', versionKey: frame.toString('utf8', at), items, isLone };
}

function encodeScores({ begunAt, isWide, prepares, outcomes, collateMs, runMs, pixels }: ScoresMessage): Buffer | null {
  const [first] = outcomes;
  if (first?.ok !== true || prepares) return null;
  const outputs: Outputs = Object.entries(first.output).map(([name, { shape }]) => [name, shape]);
  const json = JSON.stringify(outputs);
  const count = outcomes.length * outputs.reduce((total, [, shape]) => total + elementCount(shape), 0);
  if (count > MAX_ELEMENTS) return null;
  const jsonAt = VALUES_AT + 4 * count;
  const jsonBytes = Buffer.byteLength(json);
  const frame = Buffer.allocUnsafeSlow(jsonAt + jsonBytes);
  const values = new Float32Array(frame.buffer, VALUES_AT, count);
  if (!fill(values, outcomes, outputs)) return null;
  const words = [frame.byteLength - LENGTHS_BYTES, SCORES, Number(isWide), outcomes.length, count, jsonBytes];
  new Uint32Array(frame.buffer, 0, SCORES_WORDS).set(words);
  new Float64Array(frame.buffer, 4 * SCORES_WORDS, SCORES_DOUBLES).set([begunAt, collateMs, runMs, pixels]);
  frame.write(json, jsonAt);
  return frame;
}

/** @returns false where not all items have these outputs, as 32-bit floats. */
function fill(values: Float32Array, outcomes: readonly ItemOutcome[], outputs: Outputs): boolean {
  let at = 0;
  for (const outcome of outcomes) {
    if (!outcome.ok || Object.keys(outcome.output).length !== outputs.length) return false;
    for (const [name, shape] of outputs) {
      const tensor = outcome.output[name];
      if (!(tensor?.data instanceof Float32Array) || !isSame(tensor.shape, shape)) return false;
      if (tensor.dataType !== 'float32' || tensor.data.length !== elementCount(shape)) return false;
      values.set(tensor.data, at);
      at += tensor.data.length;
    }
  }
  return true;
}

function decodeScores(frame: Buffer): ScoresMessage {
  const isWide = frame.readUInt32LE(8) === 1;
  const items = frame.readUInt32LE(12);
  const jsonAt = VALUES_AT + 4 * frame.readUInt32LE(16);
  const outputs: Outputs = JSON.parse(frame.toString('utf8', jsonAt, jsonAt + frame.readUInt32LE(20)));
  const [begunAt = 0, collateMs = 0, runMs = 0, pixels = 0] = new Float64Array(
    frame.buffer,
    frame.byteOffset + 4 * SCORES_WORDS,
    SCORES_DOUBLES,
  );
  let at = frame.byteOffset + VALUES_AT;
  const outcomes = Array.from({ length: items }, (): ItemOutcome => {
    const output: Record<string, ItemOutput[string]> = {};
    for (const [name, shape] of outputs) {
      const data = new Float32Array(frame.buffer, at, elementCount(shape));
      at += data.byteLength;
      output[name] = { dataType: 'float32', shape, data };
    }
    return { ok: true, output };
  });
  return { type: 'ran', begunAt, isWide, prepares: false, outcomes, collateMs, runMs, pixels };
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, at) => length === b[at]);
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ServalError } from '../../src/errors.ts';
import { Encoder } from '../../src/pipelines/encoder.ts';
import type { Encoded, Input, Pipeline, PredictOptions } from '../../src/pipelines/pipeline.ts';

const OPTIONS: PredictOptions = { topK: 1, functionToApply: null, truncate: true };

function texts(count: number, name = 'text'): Input[] {
  return Array.from({ length: count }, (_, at) => ({ kind: 'text', text: `${name} ${at}` }));
}

/** A clock that only encoding moves, by so many ms an input, and what was encoded. */
function encoderWith(msAnInput: number) {
  let now = 0;
  const encoded: string[] = [];
  const pipeline = {
    encode: (input: Input): Encoded => {
      if (input.kind !== 'text') throw new Error('only texts');
      if (input.text === 'bad 1') throw new ServalError('SERVAL_EMPTY_INPUT', 'It is empty.');
      now += msAnInput;
      encoded.push(input.text);
      return { item: { kind: 'tokens', ids: Int32Array.of(encoded.length) }, tokens: 1, truncated: false };
    },
  } as unknown as Pipeline;
  return { encoder: new Encoder(() => now), pipeline, encoded };
}

test('a small request is encoded at once', () => {
  const { encoder, pipeline, encoded } = encoderWith(1);
  void encoder.encodeAll(pipeline, texts(4), OPTIONS);
  expect(encoded).toHaveLength(4);
});

test('a large request gives the event loop back every 5 ms, and keeps its order', async () => {
  const { encoder, pipeline, encoded } = encoderWith(1);
  const all = encoder.encodeAll(pipeline, texts(12), OPTIONS);
  expect(encoded).toHaveLength(5);
  await nextTurn();
  expect(encoded).toHaveLength(10);
  expect((await all).map(({ item }) => item)).toHaveLength(12);
  expect(encoded).toEqual(texts(12).map((input) => input.kind === 'text' && input.text));
});

test('inputs that would not fit into what is left of a slice begin the next one', () => {
  const { encoder, pipeline, encoded } = encoderWith(3);
  void encoder.encodeAll(pipeline, texts(5), OPTIONS);
  expect(encoded).toHaveLength(1);
});

test('large requests at the same time take turns: one slice in a turn of the event loop', async () => {
  const { encoder, pipeline, encoded } = encoderWith(1);
  const both = Promise.all(['a', 'b'].map((name) => encoder.encodeAll(pipeline, texts(15, name), OPTIONS)));
  expect(encoded).toHaveLength(10);
  for (const known of [15, 20, 25]) {
    await nextTurn();
    expect(encoded).toHaveLength(known);
  }
  await both;
  expect(encoded.slice(10, 20).map((text) => text[0])).toEqual([...'aaaaabbbbb']);
});

test('an input that is not usable fails the request, with its place', async () => {
  const { encoder, pipeline } = encoderWith(1);
  const encoding = encoder.encodeAll(pipeline, texts(3, 'bad'), OPTIONS);
  await expect(encoding).rejects.toMatchObject({ code: 'SERVAL_EMPTY_INPUT', details: { input: 1 } });
});

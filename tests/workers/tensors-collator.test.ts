import { expect, test } from 'vitest';
import type { TensorsItem } from '../../src/scheduler/item.ts';
import type { Tensor } from '../../src/tensor.ts';
import { collateTensors, concatenate } from '../../src/workers/tensors-collator.ts';

const row = (...values: number[]): Tensor => ({
  dataType: 'float32',
  shape: [1, values.length],
  data: Float32Array.from(values),
});

function itemOf(x: Tensor, outputs: readonly string[] = ['y']): TensorsItem {
  return { kind: 'tensors', tensors: { x }, outputs, size: 1, group: '' };
}

test('one item goes to the graph as it came', () => {
  const item = itemOf(row(1, 2));
  const { feeds, wanted } = collateTensors([item]);
  expect(feeds?.x?.data).toBe(item.tensors.x?.data);
  const ran = { y: row(3) };
  expect(wanted?.split(ran)).toEqual([ran]);
});

test('items are put together along the first axis, and each gets its rows of what it asked for', () => {
  const two: Tensor = { dataType: 'float32', shape: [2, 2], data: Float32Array.of(5, 6, 7, 8) };
  const { feeds, wanted } = collateTensors([itemOf(row(1, 2), ['y', 'z']), itemOf(two)]);
  expect(feeds).toEqual({ x: { dataType: 'float32', shape: [3, 2], data: Float32Array.of(1, 2, 5, 6, 7, 8) } });
  expect(wanted?.outputs).toEqual(['y', 'z']);
  const y: Tensor = { dataType: 'float32', shape: [3], data: Float32Array.of(10, 20, 30) };
  expect(wanted?.split({ y, z: y })).toEqual([
    { y: { ...y, shape: [1], data: Float32Array.of(10) }, z: { ...y, shape: [1], data: Float32Array.of(10) } },
    { y: { ...y, shape: [2], data: Float32Array.of(20, 30) } },
  ]);
});

test('an output without one row a row is an error that names it', () => {
  const { wanted } = collateTensors([itemOf(row(1)), itemOf(row(2))]);
  expect(() => wanted?.split({ y: row(1) })).toThrow('output "y" has shape [1, 1] for 2 rows');
});

test('texts are put together as well', () => {
  const texts = (...data: string[]): Tensor => ({ dataType: 'string', shape: [data.length], data });
  expect(concatenate([texts('a'), texts('', 'b')])).toEqual(texts('a', '', 'b'));
});

test('bytes that came raw are viewed as elements', () => {
  const data = new Uint8Array(Float32Array.of(1, 2).buffer);
  const { feeds } = collateTensors([itemOf({ dataType: 'float32', shape: [1, 2], data })]);
  expect(feeds?.x?.data).toEqual(Float32Array.of(1, 2));
  expect(feeds?.x?.data).toHaveProperty('buffer', data.buffer);
});

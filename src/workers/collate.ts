import type { EncodedItem, ItemOutput } from '../scheduler/item.ts';
import { elementCount, type Tensor, type TensorData, type TensorInfo } from '../tensor.ts';
import type { CollateSpec } from './protocol.ts';

/**
 * Makes the graph's inputs of a batch: token ids padded to the longest item (or to the graph's fixed length), and with
 * them the mask and the type ids where the graph asks for them. Each is [items, length].
 */
export function collate(
  items: readonly EncodedItem[],
  spec: CollateSpec,
  inputs: readonly TensorInfo[],
): Record<string, Tensor> {
  const length = spec.fixedLength ?? items.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  const { ids, attentionMask, tokenTypeIds } = spec.inputNames;
  const feeds: Record<string, Tensor> = {};
  const shape = [items.length, length];
  const add = (
    name: string,
    fill: number,
    write: (words: Int32Array, at: number, step: number, item: EncodedItem) => void,
  ) => {
    const wide = inputs.find((input) => input.name === name)?.dataType !== 'int32';
    // An int64 is written as its low word; the high one stays 0, as ids are never negative.
    const step = wide ? 2 : 1;
    const words = new Int32Array(items.length * length * step);
    if (fill !== 0) for (let k = 0; k < words.length; k += step) words[k] = fill;
    for (const [row, item] of items.entries()) {
      const before = spec.paddingSide === 'left' ? length - item.ids.length : 0;
      write(words, (row * length + before) * step, step, item);
    }
    const data: TensorData = wide ? new BigInt64Array(words.buffer) : words;
    feeds[name] = { dataType: wide ? 'int64' : 'int32', shape, data };
  };
  add(ids, spec.padId, (words, at, step, item) => {
    for (let k = 0; k < item.ids.length; k++) words[at + k * step] = item.ids[k] ?? 0;
  });
  if (attentionMask !== null) {
    add(attentionMask, 0, (words, at, step, item) => {
      for (let k = 0; k < item.ids.length; k++) words[at + k * step] = 1;
    });
  }
  if (tokenTypeIds !== null) {
    add(tokenTypeIds, spec.padTypeId, (words, at, step, item) => {
      for (let k = 0; k < item.ids.length; k++) words[at + k * step] = 0;
    });
  }
  return feeds;
}

/**
 * Takes a batch's outputs apart: one record of tensors an item, the first axis taken off.
 * @throws Error when an output does not have one row an item.
 */
export function split(outputs: Readonly<Record<string, Tensor>>, count: number): ItemOutput[] {
  const items: Record<string, Tensor>[] = Array.from({ length: count }, () => ({}));
  for (const [name, { dataType, shape, data }] of Object.entries(outputs)) {
    const [rows, ...rowShape] = shape;
    const size = elementCount(rowShape);
    if (rows !== count || data.length !== count * size) {
      throw new Error(`output "${name}" has shape [${shape.join(', ')}] for a batch of ${count}`);
    }
    for (const [row, item] of items.entries()) {
      item[name] = { dataType, shape: rowShape, data: data.slice(row * size, (row + 1) * size) };
    }
  }
  return items;
}

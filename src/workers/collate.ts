import type { ErrorData } from '../errors.ts';
import type { EncodedItem, ItemOutput } from '../scheduler/item.ts';
import { elementCount, type Tensor, type TensorInfo } from '../tensor.ts';
import { createImageCollator } from './image-collator.ts';
import type { CollateSpec } from './protocol.ts';
import { collateTensors } from './tensors-collator.ts';
import { createTokensCollator } from './tokens-collator.ts';

/** A batch as the graph takes it. */
export interface Collated {
  /** The graph's inputs; the items that failed are not in them. Null where all failed. */
  readonly feeds: Readonly<Record<string, Tensor>> | null;
  /** Items of the batch that cannot be run, by their place in it. */
  readonly failures: ReadonlyMap<number, ErrorData>;
  readonly pixels: number;
  /** Outputs to compute where the items name them themselves, and how they come apart again. */
  readonly wanted?: Wanted;
}

export interface Wanted {
  readonly outputs: readonly string[];
  /** @throws Error when the outputs do not come apart by item. */
  readonly split: (outputs: Readonly<Record<string, Tensor>>) => ItemOutput[];
}

/** Makes a batch's items into the graph's inputs. */
export type Collator = (items: readonly EncodedItem[]) => Promise<Collated> | Collated;

/** @param inputs the graph's own. */
export async function createCollator(spec: CollateSpec, inputs: readonly TensorInfo[]): Promise<Collator> {
  switch (spec.kind) {
    case 'tokens':
      return createTokensCollator(spec, inputs);
    case 'image':
      return await createImageCollator(spec);
    case 'tensors':
      return collateTensors;
  }
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

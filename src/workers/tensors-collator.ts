import type { EncodedItem, ItemOutput, TensorsItem } from '../scheduler/item.ts';
import { elementCount, type Tensor, withElements, zeros } from '../tensor.ts';
import type { Collated } from './collate.ts';

const NONE = new Map<number, never>();

/**
 * Puts the items' tensors one after another along their first axis. All items are of one group, so that their inputs
 * have the same names, types and further axes. One item alone goes to the graph as it came, whatever its shapes.
 */
export function collateTensors(items: readonly EncodedItem[]): Collated {
  const rows = items.filter((item) => item.kind === 'tensors').map(viewed);
  const [first] = rows;
  if (first === undefined || rows.length !== items.length) throw new Error('This is a bug: not an item of tensors');
  const outputs = [...new Set(rows.flatMap((item) => item.outputs))];
  if (rows.length === 1) {
    return { feeds: first.tensors, failures: NONE, pixels: 0, wanted: { outputs, split: (ran) => [ran] } };
  }
  const feeds: Record<string, Tensor> = {};
  for (const name of Object.keys(first.tensors))
    feeds[name] = concatenate(rows.flatMap(({ tensors }) => tensors[name] ?? []));
  return { feeds, failures: NONE, pixels: 0, wanted: { outputs, split: (ran) => splitRows(ran, rows) } };
}

/** Bytes that came raw lie aligned in the frame that they came in. */
function viewed(item: TensorsItem): TensorsItem {
  const entries = Object.entries(item.tensors);
  const tensors = Object.fromEntries(entries.map(([name, tensor]) => [name, withElements(tensor)]));
  return { ...item, tensors };
}

/** @param tensors of one type, equal in all axes but the first. */
export function concatenate(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new Error('This is a bug: nothing to put together');
  const { dataType } = first;
  const shape = [tensors.reduce((total, tensor) => total + (tensor.shape[0] ?? 0), 0), ...first.shape.slice(1)];
  if (dataType === 'string') return { dataType, shape, data: tensors.flatMap(({ data }) => data as string[]) };
  const data = zeros(dataType, elementCount(shape));
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data as never, at);
    at += tensor.data.length;
  }
  return { dataType, shape, data };
}

/** Gives each item its rows of the outputs that it asked for. */
function splitRows(ran: Readonly<Record<string, Tensor>>, items: readonly TensorsItem[]): ItemOutput[] {
  const rowsOf = (item: TensorsItem) => Object.values(item.tensors)[0]?.shape[0] ?? 0;
  const total = items.reduce((sum, item) => sum + rowsOf(item), 0);
  let from = 0;
  return items.map((item) => {
    const to = from + rowsOf(item);
    const output: Record<string, Tensor> = {};
    for (const name of item.outputs) {
      const tensor = ran[name];
      if (tensor === undefined) throw new Error(`the graph gave no output "${name}"`);
      output[name] = sliceRows({ name, tensor, total }, from, to);
    }
    from = to;
    return output;
  });
}

interface Sliced {
  readonly name: string;
  readonly tensor: Tensor;
  /** Rows of the batch. */
  readonly total: number;
}

function sliceRows({ name, tensor, total }: Sliced, from: number, to: number): Tensor {
  const [rows, ...rowShape] = tensor.shape;
  const size = elementCount(rowShape);
  if (rows !== total || tensor.data.length !== total * size) {
    throw new Error(`output "${name}" has shape [${tensor.shape.join(', ')}] for ${total} rows`);
  }
  return {
    dataType: tensor.dataType,
    shape: [to - from, ...rowShape],
    data: tensor.data.slice(from * size, to * size),
  };
}

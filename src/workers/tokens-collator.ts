import type { TokensItem } from '../scheduler/item.ts';
import type { Tensor, TensorInfo } from '../tensor.ts';
import type { Collator } from './collate.ts';
import type { TokensSpec } from './protocol.ts';

const NONE = new Map<number, never>();

/**
 * Pads token ids to the longest item of the batch, or to the graph's fixed length, and adds the mask and the type ids
 * where the graph asks for them. Each tensor is [items, length].
 */
export function createTokensCollator(spec: TokensSpec, inputs: readonly TensorInfo[]): Collator {
  const { ids, attentionMask, tokenTypeIds } = spec.inputNames;
  const isWide = (name: string) => inputs.find((input) => input.name === name)?.dataType !== 'int32';
  return (items) => {
    const rows = items.filter((item) => item.kind === 'tokens');
    const length = spec.fixedLength ?? rows.reduce((longest, row) => Math.max(longest, row.ids.length), 0);
    const layout = { rows, length, paddingSide: spec.paddingSide };
    const feeds: Record<string, Tensor> = {
      [ids]: idTensor(layout, { isWide: isWide(ids), padding: spec.padId, value: (row, at) => row.ids[at] ?? 0 }),
    };
    if (attentionMask !== null) {
      feeds[attentionMask] = idTensor(layout, { isWide: isWide(attentionMask), padding: 0, value: () => 1 });
    }
    if (tokenTypeIds !== null) {
      const value = (row: TokensItem, at: number) => row.typeIds?.[at] ?? 0;
      feeds[tokenTypeIds] = idTensor(layout, { isWide: isWide(tokenTypeIds), padding: spec.padTypeId, value });
    }
    return { feeds, failures: NONE, pixels: 0 };
  };
}

interface Layout {
  readonly rows: readonly TokensItem[];
  readonly length: number;
  readonly paddingSide: 'left' | 'right';
}

interface Filling {
  /** int64 rather than int32. */
  readonly isWide: boolean;
  readonly padding: number;
  readonly value: (row: TokensItem, at: number) => number;
}

function idTensor({ rows, length, paddingSide }: Layout, { isWide, padding, value }: Filling): Tensor {
  // An int64 is written as its low word; the high one stays 0, as ids are never negative.
  const step = isWide ? 2 : 1;
  const words = new Int32Array(rows.length * length * step);
  if (padding !== 0) for (let at = 0; at < words.length; at += step) words[at] = padding;
  for (const [index, row] of rows.entries()) {
    const before = paddingSide === 'left' ? length - row.ids.length : 0;
    const start = (index * length + before) * step;
    for (let at = 0; at < row.ids.length; at++) words[start + at * step] = value(row, at);
  }
  const shape = [rows.length, length];
  if (!isWide) return { dataType: 'int32', shape, data: words };
  return { dataType: 'int64', shape, data: new BigInt64Array(words.buffer) };
}

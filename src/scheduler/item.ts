import type { ErrorData } from '../errors.ts';
import { dataBytes, type Tensor } from '../tensor.ts';

/** A text as token ids, special tokens included, not padded. */
export interface TokensItem {
  readonly kind: 'tokens';
  readonly ids: Int32Array;
  /** Of a pair of texts, one an id: which of the two it belongs to. All 0 where it is not given. */
  readonly typeIds?: Int32Array;
}

/** An image file as it came: JPEG, PNG or WebP. */
export interface ImageItem {
  readonly kind: 'image';
  readonly bytes: Uint8Array;
}

/** A graph's inputs as a client gave them, and the outputs it wants: one request is one item, whatever its first axis. */
export interface TensorsItem {
  readonly kind: 'tensors';
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Names of the graph's outputs to compute. */
  readonly outputs: readonly string[];
  /** Length in the cost model: the product of the first input's dimensions that the graph leaves open. */
  readonly size: number;
  /** Items of one group may run in one batch; null runs alone. */
  readonly group: string | null;
}

/** One input, encoded by its pipeline: what a worker collates into the graph's inputs. */
export type EncodedItem = TokensItem | ImageItem | TensorsItem;

/** The graph's outputs for one item: the tensors' first axis, the batch, is taken off, but for an item of tensors. */
export type ItemOutput = Readonly<Record<string, Tensor>>;

/** What became of one item of a batch. */
export type ItemOutcome =
  | { readonly ok: true; readonly output: ItemOutput }
  | { readonly ok: false; readonly error: ErrorData };

/** The item's length in the cost model: its tokens; pictures all come to the same tensor. */
export function sizeOf(item: EncodedItem): number {
  if (item.kind === 'tensors') return item.size;
  return item.kind === 'tokens' ? item.ids.length : 1;
}

/** Only items of the same group may share a batch; null may share none. Texts and images of a version all may. */
export function groupOf(item: EncodedItem): string | null {
  return item.kind === 'tensors' ? item.group : '';
}

/** Bytes that the item keeps in memory. */
export function bytesOf(item: EncodedItem): number {
  if (item.kind === 'tensors')
    return Object.values(item.tensors).reduce((total, { data }) => total + dataBytes(data), 0);
  return item.kind === 'tokens' ? item.ids.byteLength + (item.typeIds?.byteLength ?? 0) : item.bytes.byteLength;
}

import type { ErrorData } from '../errors.ts';
import type { Tensor } from '../tensor.ts';

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

/** One input, encoded by its pipeline: what a worker collates into the graph's inputs. */
export type EncodedItem = TokensItem | ImageItem;

/** The graph's outputs for one item: the tensors' first axis, the batch, is taken off. */
export type ItemOutput = Readonly<Record<string, Tensor>>;

/** What became of one item of a batch. */
export type ItemOutcome =
  | { readonly ok: true; readonly output: ItemOutput }
  | { readonly ok: false; readonly error: ErrorData };

/** The item's length in the cost model: its tokens; pictures all come to the same tensor. */
export function sizeOf(item: EncodedItem): number {
  return item.kind === 'tokens' ? item.ids.length : 1;
}

/** Bytes that the item keeps in memory. */
export function bytesOf(item: EncodedItem): number {
  return item.kind === 'tokens' ? item.ids.byteLength + (item.typeIds?.byteLength ?? 0) : item.bytes.byteLength;
}

import { createHash, hash } from 'node:crypto';
import { bytesOfView } from '../tensor.ts';
import type { EncodedItem, TensorsItem } from './item.ts';

/** A text that two items of one version have in common only if they are the same. */
export function keyOf(item: EncodedItem): string {
  switch (item.kind) {
    case 'tokens':
      // Ids are never negative, so that the mark between them and the types is no id.
      return item.typeIds === undefined ? textOf(item.ids) : `${textOf(item.ids)}${PAIR_MARK}${textOf(item.typeIds)}`;
    case 'image':
      return hash('sha256', item.bytes, 'base64');
    case 'tensors':
      return tensorsKey(item);
  }
}

const PAIR_MARK = textOf(Int32Array.of(-1));

function textOf({ buffer, byteOffset, byteLength }: Int32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

function tensorsKey({ tensors, outputs }: TensorsItem): string {
  const digest = createHash('sha256').update(JSON.stringify(outputs));
  for (const [name, { dataType, shape, data }] of Object.entries(tensors)) {
    digest.update(JSON.stringify([name, dataType, shape]));
    digest.update(Array.isArray(data) ? JSON.stringify(data) : bytesOfView(data));
  }
  return digest.digest('base64');
}

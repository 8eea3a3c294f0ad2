import { hash } from 'node:crypto';
import type { EncodedItem } from './item.ts';

/** A text that two items of one version have in common only if they are the same. */
export function keyOf(item: EncodedItem): string {
  switch (item.kind) {
    case 'tokens':
      return Buffer.from(item.ids.buffer, item.ids.byteOffset, item.ids.byteLength).toString('latin1');
    case 'image':
      return hash('sha256', item.bytes, 'base64');
  }
}

import { LRUCache } from 'lru-cache';
import type { ItemOutput } from './item.ts';

/**
 * Answers given before, the least recently asked for leaving first. Keys begin with the version's, which has its bytes'
 * hash in it: an answer never outlives its model.
 */
export class AnswerCache {
  readonly #answers: LRUCache<string, ItemOutput>;

  /** @param maxBytes of keys and outputs. */
  constructor(maxBytes: number) {
    this.#answers = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (output, key) => key.length + sizeOfOutput(output),
    });
  }

  get(key: string): ItemOutput | undefined {
    return this.#answers.get(key);
  }

  set(key: string, output: ItemOutput): void {
    this.#answers.set(key, output);
  }
}

/** Bytes of an entry beside its data: objects, keys and links, estimated. */
const OVERHEAD_BYTES = 300;

function sizeOfOutput(output: ItemOutput): number {
  return Object.values(output).reduce((total, { data }) => total + data.length * 8, OVERHEAD_BYTES);
}

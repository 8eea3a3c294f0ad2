import { hash } from 'node:crypto';
import { ServalError } from '../errors.ts';
import type { EncodedItem } from './item.ts';
import { keyOf } from './item-key.ts';

export interface QuarantineLimits {
  /** How long an item is refused after it ended two workers; 0 refuses none. */
  readonly quarantineMs: number;
}

/** Items that are remembered at most: whoever finds many ways to end a worker must not fill the memory with them. */
const MAX_ITEMS = 1_000;

/** Items that ended workers while they ran alone: refused at the door for a while, known by hash and version. */
export class Quarantine {
  readonly #durationMs: number;
  readonly #now: () => number;
  /** Clock time in ms until which each is refused, the first to be let go first. */
  readonly #until = new Map<string, number>();

  constructor({ quarantineMs }: QuarantineLimits, now: () => number) {
    this.#durationMs = quarantineMs;
    this.#now = now;
  }

  get size(): number {
    this.#release();
    return this.#until.size;
  }

  add(versionKey: string, item: EncodedItem): void {
    if (this.#durationMs === 0) return;
    const name = nameOf(versionKey, item);
    // Last in the order again.
    this.#until.delete(name);
    this.#until.set(name, this.#now() + this.#durationMs);
    const [oldest] = this.#until.keys();
    if (this.#until.size > MAX_ITEMS && oldest !== undefined) this.#until.delete(oldest);
  }

  /** @throws ServalError SERVAL_QUARANTINED where one of a request's items is refused. */
  check(versionKey: string, items: readonly EncodedItem[]): void {
    if (this.size === 0) return;
    for (const [index, item] of items.entries()) {
      const until = this.#until.get(nameOf(versionKey, item));
      if (until === undefined) continue;
      const seconds = Math.ceil((until - this.#now()) / 1000);
      const message = `Input ${index}: this input ended the workers that ran it and is refused for ${seconds} s; send another.`;
      throw new ServalError('SERVAL_QUARANTINED', message, { details: { input: index, seconds } });
    }
  }

  #release(): void {
    const now = this.#now();
    for (const [name, until] of this.#until) {
      if (until > now) return;
      this.#until.delete(name);
    }
  }
}

function nameOf(versionKey: string, item: EncodedItem): string {
  return hash('sha256', versionKey + keyOf(item), 'base64');
}

import { createHash, type Hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Some 2 ms of hashing on a slow core. */
const SLICE_BYTES = 1 << 20;

/** SHA-256 of large files, taken in slices between which the event loop turns: the server serves meanwhile. */
export class SlicedHash {
  readonly #hash: Hash = createHash('sha256');

  async update(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.byteLength; from += SLICE_BYTES) {
      if (from > 0) await nextTurn();
      this.#hash.update(bytes.subarray(from, from + SLICE_BYTES));
    }
  }

  /** Of what came so far, as hexadecimal digits; more may come. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = new SlicedHash();
  await hash.update(bytes);
  return hash.digest();
}

import { freeOwnMemory } from '../off-heap.ts';

const NOTHING = Buffer.alloc(0);

/**
 * A body as it arrives, in memory of its own that can be given back. One piece alone stays as it came; the memory of several
 * is given back as they come.
 */
export class GrowingBody {
  #memory: Buffer = NOTHING;
  #byteLength = 0;
  readonly #declared: number;

  /** @param declared bytes that will come; 0 where that is not known: then memory doubles as it is needed. */
  constructor(declared: number) {
    this.#declared = declared;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** @param piece is empty afterwards, or belongs to this. */
  push(piece: Buffer<ArrayBuffer>): void {
    if (this.#byteLength === 0) {
      this.#byteLength = piece.byteLength;
      this.#memory = piece;
      return;
    }
    this.copy(piece);
    freeOwnMemory(piece);
  }

  copy(piece: Uint8Array): void {
    const at = this.#byteLength;
    this.#byteLength += piece.byteLength;
    const size = this.#byteLength;
    if (size > this.#memory.byteLength) this.#move(size > this.#declared ? 2 * size : this.#declared);
    this.#memory.set(piece, at);
  }

  /** All that came, and nothing behind it. */
  whole(): Buffer {
    if (this.#byteLength < this.#memory.byteLength) this.#move(this.#byteLength);
    return this.#memory;
  }

  #move(size: number): void {
    const moved = Buffer.allocUnsafeSlow(size);
    moved.set(this.#memory.subarray(0, Math.min(size, this.#memory.byteLength)));
    freeOwnMemory(this.#memory);
    this.#memory = moved;
  }
}

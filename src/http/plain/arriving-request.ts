import { freeOwnMemory, MIN_FREED_BYTES } from '../../off-heap.ts';
import { GrowingBody } from '../growing-body.ts';
import type { PlainHead, PlainRequest } from './plain-request.ts';

/** A request whose head is there, and whose body may be on its way. */
export class ArrivingRequest {
  readonly head: PlainHead;
  readonly begun = performance.now();
  readonly #head: Buffer;
  readonly #body: GrowingBody;

  /** @param bytes of the head, and what came with it: not to be used any more. */
  constructor(head: PlainHead, bytes: Buffer<ArrayBuffer>) {
    const { headBytes, bodyBytes } = head;
    this.head = head;
    this.#head = bytes.subarray(0, headBytes);
    this.#body = new GrowingBody(bodyBytes);
    const body = bytes.subarray(headBytes);
    if (bytes.byteLength < MIN_FREED_BYTES) {
      this.#body.push(body);
      return;
    }
    // Both lie in one piece of memory, which can be given back only when neither does.
    this.#head = Buffer.from(this.#head);
    this.#body.copy(body);
    freeOwnMemory(bytes);
  }

  /** Bytes that have not come; negative where more came than the head says. */
  get missingBytes(): number {
    return this.head.bodyBytes - this.#body.byteLength;
  }

  push(piece: Buffer<ArrayBuffer>): void {
    this.#body.push(piece);
  }

  whole(): PlainRequest {
    return { ...this.head, body: this.#body.whole() };
  }

  /** All that came, for another reader: while the body is still there. */
  bytes(): Buffer {
    return Buffer.concat([this.#head, this.#body.whole()]);
  }
}

import { GrowingBody } from '../growing-body.ts';
import type { PlainHead, PlainRequest } from './plain-request.ts';

/** A request whose head is there, and whose body may be on its way. */
export class ArrivingRequest {
  readonly head: PlainHead;
  readonly begun = performance.now();
  readonly #head: Buffer;
  readonly #body: GrowingBody;

  /** @param bytes of the head, and what came with it. */
  constructor(head: PlainHead, bytes: Buffer<ArrayBuffer>) {
    this.head = head;
    this.#head = bytes.subarray(0, head.headBytes);
    this.#body = new GrowingBody(head.bodyBytes);
    this.#body.push(bytes.subarray(head.headBytes));
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

  /** All that came, for another reader. */
  bytes(): Buffer {
    return Buffer.concat([this.#head, this.#body.whole()]);
  }
}

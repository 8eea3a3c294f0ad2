import { Deserializer, Serializer } from 'node:v8';
import { decodeShortFrame, LENGTHS_BYTES } from './short-frame.ts';

/**
 * A message as bytes: two unsigned 32-bit little-endian lengths (of all that follows, and of the head), the head in V8's
 * structured clone format, then the contents of the message's typed arrays and buffers, each from a multiple of 8.
 *
 *     | frame bytes | head bytes | head … | array … | array … |
 *
 * A frame that lies in the mailbox is announced by its size, and IN_MAILBOX instead of the head's; what most frames carry has
 * a form of its own (`short-frame.ts`), which stands in the same place.
 *
 * Node's own channel copies an image three times on the way into it and once on the way out; here its bytes go to the
 * socket as they are, and the receiver's arrays lie inside the frame that was read.
 */
const ALIGNMENT = 8;
const IN_MAILBOX = 0xffff_ffff;
/** Smaller arrays are cheaper to copy than to hand to the kernel one by one. */
const MIN_OWN_CHUNK_BYTES = 4_096;

type View = NodeJS.TypedArray | DataView;
type ViewConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => View;

/** What arrays can be; a frame names them by their place here. */
const VIEW_TYPES: readonly ViewConstructor[] = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  DataView,
];

class FrameSerializer extends Serializer {
  readonly views: View[] = [];

  _writeHostObject(view: View): void {
    const type = VIEW_TYPES.findIndex((Type) => view instanceof Type);
    if (type < 0) throw new TypeError(`This is a bug: a ${view.constructor.name} cannot be sent`);
    this.views.push(view);
    this.writeUint32(type);
    this.writeUint32(view.byteLength);
  }
}

class FrameDeserializer extends Deserializer {
  readonly #frame: Buffer;
  #at: number;

  constructor(frame: Buffer, headBytes: number) {
    super(frame.subarray(LENGTHS_BYTES, LENGTHS_BYTES + headBytes));
    this.#frame = frame;
    this.#at = aligned(LENGTHS_BYTES + headBytes);
  }

  _readHostObject(): View {
    const Type = VIEW_TYPES[this.readUint32()];
    const byteLength = this.readUint32();
    if (Type === undefined) throw new TypeError('This is a bug: a frame names a type of array that is not known');
    const offset = this.#frame.byteOffset + this.#at;
    this.#at = aligned(this.#at + byteLength);
    if (Type === Uint8Array) return this.#bytes(offset, byteLength);
    const elementBytes = 'BYTES_PER_ELEMENT' in Type ? Number(Type.BYTES_PER_ELEMENT) : 1;
    return new Type(this.#frame.buffer, offset, byteLength / elementBytes);
  }

  #bytes(offset: number, byteLength: number): Buffer {
    return Buffer.from(this.#frame.buffer, offset, byteLength);
  }
}

/** @returns the frame's bytes, in pieces to be written one after another. */
export function encodeFrame(message: unknown): Buffer[] {
  const serializer = new FrameSerializer();
  // In Node's types it is private; its documentation names it for this use.
  (
    serializer as unknown as { _setTreatArrayBufferViewsAsHostObjects(on: boolean): void }
  )._setTreatArrayBufferViewsAsHostObjects(true);
  serializer.writeHeader();
  serializer.writeValue(message);
  const head = serializer.releaseBuffer();
  const lengths = Buffer.allocUnsafe(LENGTHS_BYTES);
  const pieces = new Pieces();
  pieces.add(lengths);
  pieces.add(head);
  for (const view of serializer.views) {
    pieces.align();
    pieces.add(Buffer.from(view.buffer, view.byteOffset, view.byteLength));
  }
  lengths.writeUInt32LE(pieces.byteLength - LENGTHS_BYTES, 0);
  lengths.writeUInt32LE(head.byteLength, 4);
  return pieces.joined();
}

/** @param byteLength of a frame in the mailbox, its lengths included. */
export function announcement(byteLength: number): Buffer {
  const lengths = Buffer.allocUnsafe(LENGTHS_BYTES);
  lengths.writeUInt32LE(byteLength, 0);
  lengths.writeUInt32LE(IN_MAILBOX, 4);
  return lengths;
}

/** @param frame all of it, from the lengths on, at the start of memory of its own. */
export function decodeFrame(frame: Buffer): unknown {
  const deserializer = new FrameDeserializer(frame, frame.readUInt32LE(4));
  deserializer.readHeader();
  return deserializer.readValue();
}

/** @param frame of whichever form. */
function decode(frame: Buffer): unknown {
  return decodeShortFrame(frame) ?? decodeFrame(frame);
}

const PADDING = Buffer.alloc(ALIGNMENT);

/** Buffers in a row: small neighbours become one. */
class Pieces {
  readonly #pieces: Buffer[] = [];
  byteLength = 0;

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.byteLength += piece.byteLength;
  }

  align(): void {
    const missing = aligned(this.byteLength) - this.byteLength;
    if (missing > 0) this.add(PADDING.subarray(0, missing));
  }

  joined(): Buffer[] {
    const joined: Buffer[] = [];
    let small: Buffer[] = [];
    const flush = () => {
      if (small.length > 0) joined.push(small.length === 1 && small[0] ? small[0] : Buffer.concat(small));
      small = [];
    };
    for (const piece of this.#pieces) {
      if (piece.byteLength < MIN_OWN_CHUNK_BYTES) small.push(piece);
      else {
        flush();
        joined.push(piece);
      }
    }
    flush();
    return joined;
  }
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT;
}

/** Puts frames together from what a socket gives, however it is cut. */
export class FrameReader {
  readonly #lengths = Buffer.alloc(LENGTHS_BYTES);
  #frame: Buffer | null = null;
  #at = 0;
  readonly #onMessage: (message: unknown) => void;
  readonly #fromMailbox: (byteLength: number) => Buffer;

  constructor(onMessage: (message: unknown) => void, fromMailbox: (byteLength: number) => Buffer) {
    this.#onMessage = onMessage;
    this.#fromMailbox = fromMailbox;
  }

  /** @param chunk may be overwritten afterwards. */
  push(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.byteLength) {
      const target = this.#frame ?? this.#lengths;
      const taken = Math.min(target.byteLength - this.#at, chunk.byteLength - from);
      target.set(chunk.subarray(from, from + taken), this.#at);
      this.#at += taken;
      from += taken;
      if (this.#at === target.byteLength) this.#filled(target);
    }
  }

  #filled(target: Buffer): void {
    if (this.#frame === null) {
      const bytes = this.#lengths.readUInt32LE(0);
      if (this.#lengths.readUInt32LE(4) === IN_MAILBOX) {
        this.#at = 0;
        this.#onMessage(decode(this.#fromMailbox(bytes)));
        return;
      }
      const byteLength = LENGTHS_BYTES + bytes;
      // Memory of its own: arrays must lie on multiples of their elements' size.
      this.#frame = Buffer.allocUnsafeSlow(byteLength);
      this.#frame.set(this.#lengths);
      return;
    }
    this.#frame = null;
    this.#at = 0;
    this.#onMessage(decode(target));
  }
}

import { type Field, FieldTable, fieldOf, sizeOfField } from './field-table.ts';
import { Http2Code, Http2Error } from './frame.ts';
import { readHuffman } from './huffman.ts';

/** What both sides begin with; this server never asks for another. */
const TABLE_BYTES = 4_096;
/** More would be no number of anything. */
const MAX_NUMBER = 0xff_ffff;

/** Reads header blocks (HPACK, https://www.rfc-editor.org/rfc/rfc7541), each of which may refer to those before it. */
export class HpackDecoder {
  readonly #table = new FieldTable(TABLE_BYTES);
  readonly #maxListBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param maxListBytes of one block's fields, each counted with 32 bytes more. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /**
   * @returns null where the fields are more than is allowed; what later blocks may refer to is known all the same.
   * @throws Http2Error where the block cannot be read; nor can any after it.
   */
  decode(block: Buffer): readonly Field[] | null {
    this.#block = block;
    this.#at = 0;
    const fields: Field[] = [];
    let bytes = 0;
    let mayResize = true;
    while (this.#at < block.byteLength) {
      const first = block[this.#at] ?? 0;
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw broken('changes the size of its table too late');
        this.#resize();
        continue;
      }
      mayResize = false;
      const field = (first & 0x80) !== 0 ? this.#field(this.#number(7)) : this.#literal((first & 0x40) !== 0);
      bytes += sizeOfField(field);
      if (bytes <= this.#maxListBytes) fields.push(field);
    }
    return bytes <= this.#maxListBytes ? fields : null;
  }

  #resize(): void {
    const bytes = this.#number(5);
    if (bytes > TABLE_BYTES) throw broken('wants a larger table than it may have');
    this.#table.resize(bytes);
  }

  #literal(isKept: boolean): Field {
    const number = this.#number(isKept ? 6 : 4);
    const name = number === 0 ? this.#text() : this.#field(number).name;
    const field = fieldOf(name, this.#text());
    if (isKept) this.#table.add(field);
    return field;
  }

  #field(number: number): Field {
    const field = this.#table.at(number);
    if (field === undefined) throw broken('refers to a field that is not there');
    return field;
  }

  /** RFC 7541, 5.1. @param bits that the first byte has for it. */
  #number(bits: number): number {
    const most = (1 << bits) - 1;
    let number = this.#byte() & most;
    if (number < most) return number;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      number += (byte & 0x7f) * 2 ** shift;
      if (number > MAX_NUMBER || shift > 28) throw broken('has a number that is too large');
      if ((byte & 0x80) === 0) return number;
    }
  }

  #text(): string {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const end = this.#number(7) + this.#at;
    if (end > this.#block.byteLength) throw broken('ends within a text');
    const bytes = this.#block.subarray(this.#at, end);
    this.#at = end;
    const text = isHuffman ? readHuffman(bytes) : bytes.toString('latin1');
    if (text === null) throw broken('has a text that is not in Huffman’s code');
    return text;
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw broken('ends too early');
    this.#at += 1;
    return byte;
  }
}

function broken(what: string): Http2Error {
  return new Http2Error(Http2Code.compressionError, `A header block ${what}.`);
}

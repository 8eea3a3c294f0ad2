/** A header or trailer field; one that comes again is the same object. */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** False where RFC 9113, 8.2.1, does not allow its name or its value. */
  readonly isValid: boolean;
}

/** RFC 7541, appendix A. */
const STATIC = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
] as const;

const STATIC_FIELDS: readonly Field[] = STATIC.map(([name, value]) => ({ name, value, isValid: true }));
const FIELD_OVERHEAD_BYTES = 32;
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const WRONG_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;

export function fieldOf(name: string, value: string): Field {
  return { name, value, isValid: NAME.test(name) && !WRONG_VALUE.test(value) };
}

/** As RFC 7541 counts a field, and RFC 9113 a list of them. */
export function sizeOfField({ name, value }: Field): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES;
}

/** The number of a name in the static table; undefined for one that is not there. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC.map(([name], at) => [name, at + 1] as const).reverse(),
);

/** The fields that one side of a connection refers to by their number: the static ones, then its own, the latest first. */
export class FieldTable {
  /** The latest last. */
  readonly #fields: Field[] = [];
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns undefined where there is none of that number. */
  at(number: number): Field | undefined {
    if (number <= STATIC_FIELDS.length) return STATIC_FIELDS[number - 1];
    return this.#fields[this.#fields.length - (number - STATIC_FIELDS.length)];
  }

  add(field: Field): void {
    this.#bytes += sizeOfField(field);
    this.#fields.push(field);
    this.#evict();
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#fields.shift();
      if (oldest === undefined) return;
      this.#bytes -= sizeOfField(oldest);
    }
  }
}

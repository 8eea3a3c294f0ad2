import { headTextOf, type PlainHead, readHeadText } from './plain-request.ts';

/** For a few kinds of clients, and the lengths that their bodies have. */
const MAX_KNOWN = 512;
const MAX_KNOWN_LENGTH = 1_024;
/** Heads that bring a secret are kept no longer than their request, and those that bring an id of their own never come again. */
const OF_ONE_REQUEST = /\r\n(?:authorization|x-api-key|cookie|proxy-authorization|x-request-id|traceparent):/i;

/**
 * Reads heads of requests, each text once: a client says the same in all of its requests, but for the length of the body, and
 * where most are refused, reading their heads is a tenth of what they cost.
 */
export class HeadReader {
  readonly #known = new Map<string, PlainHead>();

  /** Null where the head is not over, or not plain; what is given is shared by all requests that have it. */
  read(bytes: Buffer): PlainHead | null {
    const text = headTextOf(bytes);
    if (text === null) return null;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const head = readHeadText(text);
    if (head !== null && text.length <= MAX_KNOWN_LENGTH && !OF_ONE_REQUEST.test(text)) this.#keep(text, head);
    return head;
  }

  #keep(text: string, head: PlainHead): void {
    if (this.#known.size === MAX_KNOWN) this.#known.clear();
    this.#known.set(text, head);
  }
}

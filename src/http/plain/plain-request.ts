/** The head of a request, with names of headers in lower case. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<NodeJS.Dict<string | string[]>>;
}

/** A head in which nothing is special. */
export interface PlainHead extends RequestHead {
  readonly headBytes: number;
  /** Bytes of the body behind it. */
  readonly bodyBytes: number;
  /** Whether the client wants to use its connection again. */
  readonly keepsAlive: boolean;
}

/** A request of which nothing is missing. */
export interface PlainRequest extends PlainHead {
  readonly body: Buffer;
}

const END_OF_HEAD = '\r\n\r\n';
const REQUEST_LINE = /^(GET|POST) (\/[\w./-]{0,512}(?:\?[\w.&=-]{0,512})?) HTTP\/1\.1$/;
/** Names as tokens, values of printable ASCII: the strict half of https://www.rfc-editor.org/rfc/rfc9112#section-5. */
const HEADER = /^([A-Za-z][\w-]{0,63}):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?|)[ \t]*$/;
const LENGTH = /^\d{1,9}$/;
/** What changes where a message ends, or what is done with its connection. */
const SPECIAL = ['transfer-encoding', 'trailer', 'expect', 'upgrade', 'proxy-connection', 'http2-settings'];
const MAX_HEADERS = 32;

/** A head without its end; null where that has not come. */
export function headTextOf(bytes: Buffer): string | null {
  const headEnd = bytes.indexOf(END_OF_HEAD);
  return headEnd < 0 ? null : bytes.toString('latin1', 0, headEnd);
}

/**
 * Reads the head of an HTTP/1.1 GET or POST that came whole and in its plainest form, whatever is behind it.
 * @param text as {@link headTextOf} gives it.
 * @returns null for everything else, right or wrong: that is node:http's to read. So where a request ends is never in doubt:
 *   a POST has one length, said once; a GET has none.
 */
export function readHeadText(text: string): PlainHead | null {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const [, method, url] = REQUEST_LINE.exec(requestLine) ?? [];
  const headers = method === undefined ? null : readHeaders(lines);
  if (headers === null) return null;
  const { host, connection = 'keep-alive', 'content-length': length } = headers;
  if (!host || (method === 'GET' ? length !== undefined : !LENGTH.test(length ?? ''))) return null;
  const keepsAlive = connection.toLowerCase() === 'keep-alive';
  if (!keepsAlive && connection.toLowerCase() !== 'close') return null;
  // A character of it is a byte.
  const headBytes = text.length + END_OF_HEAD.length;
  return { method, url, headers, headBytes, bodyBytes: Number(length ?? 0), keepsAlive };
}

/** The body as JSON; undefined where it is none. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Null where one is special, said twice, or not plainly a header. */
function readHeaders(lines: readonly string[]): NodeJS.Dict<string> | null {
  if (lines.length > MAX_HEADERS) return null;
  const headers: NodeJS.Dict<string> = Object.create(null);
  for (const line of lines) {
    const [, given, value] = HEADER.exec(line) ?? [];
    const name = given?.toLowerCase();
    if (name === undefined || name in headers || SPECIAL.includes(name)) return null;
    headers[name] = value;
  }
  return headers;
}

import type { Field } from './field-table.ts';

/** What a request begins with. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** Without those that begin with a colon. */
  readonly fields: readonly Field[];
  /** What content-length says; null where it is not there. */
  readonly bodyBytes: number | null;
}

const PSEUDO_FIELDS = [':method', ':scheme', ':path', ':authority'];
/** Of HTTP/1's connections. */
const FORBIDDEN = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const WHOLE_NUMBER = /^\d{1,15}$/;

/** @returns null for a malformed request (RFC 9113, 8.1.1). */
export function requestHead(fields: readonly Field[]): RequestHead | null {
  const pseudo = new Map<string, string>();
  let bodyBytes: number | null = null;
  for (const [at, { name, value, isValid }] of fields.entries()) {
    if (!isValid || FORBIDDEN.has(name)) return null;
    if (name.startsWith(':')) {
      // They come first, and once.
      if (pseudo.size !== at || !PSEUDO_FIELDS.includes(name)) return null;
      pseudo.set(name, value);
    } else if (name === 'te' && value !== 'trailers') {
      return null;
    } else if (name === 'content-length') {
      if (!WHOLE_NUMBER.test(value) || (bodyBytes !== null && bodyBytes !== Number(value))) return null;
      bodyBytes = Number(value);
    }
  }
  const method = pseudo.get(':method');
  const path = pseudo.get(':path');
  if (method === undefined || path === undefined || path === '' || !pseudo.has(':scheme')) return null;
  return { method, path, fields: fields.slice(pseudo.size), bodyBytes };
}

/** Whether these may come after a request's body. */
export function areTrailers(fields: readonly Field[]): boolean {
  return fields.every(({ name, isValid }) => isValid && !name.startsWith(':') && !FORBIDDEN.has(name));
}

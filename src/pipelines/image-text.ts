import { ServalError } from '../errors.ts';

/** How a URL begins; its scheme is no longer than that, and looking no further keeps the check short on long base64. */
const SCHEME = /^[a-z][a-z0-9+.-]{0,30}:/i;
const DATA_URL_HEAD = /^data:[^,]{0,256},/i;

/**
 * The bytes of an image given as text: base64 (RFC 4648, with or without padding) or a data: URL of it (RFC 2397).
 * @throws ServalError SERVAL_IMAGE_URL for any other address: fetching it would let clients reach into the network
 *   that the server stands in; SERVAL_IMAGE_BASE64.
 */
export function decodeImageText(text: string): Buffer {
  const scheme = SCHEME.exec(text)?.[0].toLowerCase();
  if (scheme !== undefined && scheme !== 'data:') {
    const message =
      'Images are not fetched from an address, as that would reach into this server’s network; send the file, or its base64.';
    throw new ServalError('SERVAL_IMAGE_URL', message);
  }
  const head = DATA_URL_HEAD.exec(text)?.[0] ?? '';
  if (scheme === 'data:' && !/;base64,$/i.test(head)) {
    throw new ServalError('SERVAL_IMAGE_BASE64', 'The data: URL must carry base64: data:image/png;base64,….');
  }
  const base64 = text.slice(head.length);
  const bytes = Buffer.from(base64, 'base64');
  // The decoder passes over what is not base64: then fewer bytes come out than the text's length stands for.
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  const digits = base64.length - padding;
  // Four digits are three bytes; one digit alone is none.
  if (digits % 4 === 1 || bytes.byteLength !== Math.floor((digits * 3) / 4)) {
    throw new ServalError(
      'SERVAL_IMAGE_BASE64',
      'The image is not base64; line breaks and other characters are not allowed (base64 -w0 makes none).',
    );
  }
  return bytes;
}

import { ServalError } from '../errors.ts';

/**
 * The bytes of an image given as text: base64 (RFC 4648, with or without padding) or a data: URL of it (RFC 2397).
 * @throws ServalError SERVAL_IMAGE_URL for any other address: fetching it would let clients reach into the network
 *   that the server stands in; SERVAL_IMAGE_BASE64.
 */
export function decodeImageText(text: string): Buffer {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) && !text.startsWith('data:')) {
    const message =
      'Images are not fetched from an address, as that would reach into this server’s network; send the file, or its base64.';
    throw new ServalError('SERVAL_IMAGE_URL', message);
  }
  const comma = text.startsWith('data:') ? text.indexOf(',') : -1;
  if (text.startsWith('data:') && !text.slice(0, comma).endsWith(';base64')) {
    throw new ServalError('SERVAL_IMAGE_BASE64', 'The data: URL must carry base64: data:image/png;base64,….');
  }
  const base64 = text.slice(comma + 1);
  const bytes = Buffer.from(base64, 'base64');
  // The decoder passes over what is not base64: then fewer bytes come out than the text's length stands for.
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  if (bytes.byteLength !== Math.floor(((base64.length - padding) * 3) / 4)) {
    throw new ServalError(
      'SERVAL_IMAGE_BASE64',
      'The image is not base64; line breaks and other characters are not allowed.',
    );
  }
  return bytes;
}

import { ServalError } from '../errors.ts';

/**
 * BYTES in binary: each element is its length as an unsigned 32-bit little-endian number, then that many bytes.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
 */

const LENGTH_BYTES = 4;

/**
 * @param count elements that the shape asks for.
 * @returns views of the elements, not copied.
 * @throws ServalError SERVAL_TENSOR_DATA naming the tensor, where bytes and count do not add up.
 */
export function readElements(name: string, bytes: Uint8Array, count: number): Uint8Array[] {
  // Checked first: a shape must not make us allocate more than the bytes can hold.
  if (count * LENGTH_BYTES > bytes.byteLength) throw notWhole(name, bytes, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (elements.length < count) {
    if (at + LENGTH_BYTES > bytes.byteLength) throw notWhole(name, bytes, count);
    const from = at + LENGTH_BYTES;
    const to = from + view.getUint32(at, true);
    if (to > bytes.byteLength) throw notWhole(name, bytes, count);
    elements.push(bytes.subarray(from, to));
    at = to;
  }
  if (at !== bytes.byteLength) throw notWhole(name, bytes, count);
  return elements;
}

function notWhole(name: string, { byteLength }: Uint8Array, count: number): ServalError {
  const message = `Input "${name}": its ${byteLength} bytes are not ${count} BYTES elements, each a 4-byte length and its bytes.`;
  return new ServalError('SERVAL_TENSOR_DATA', message);
}

export function writeElements(texts: readonly string[]): Uint8Array {
  const elements = texts.map((text) => Buffer.from(text, 'utf8'));
  const bytes = Buffer.allocUnsafe(elements.reduce((total, { byteLength }) => total + LENGTH_BYTES + byteLength, 0));
  let at = 0;
  for (const element of elements) {
    at = bytes.writeUInt32LE(element.byteLength, at);
    at += element.copy(bytes, at);
  }
  return bytes;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** @throws ServalError SERVAL_TENSOR_DATA naming tensor and element, where the bytes are not UTF-8. */
export function textOf(name: string, element: Uint8Array | string, index: number): string {
  if (typeof element === 'string') return element;
  try {
    return UTF8.decode(element);
  } catch (cause) {
    const message = `Input "${name}", element ${index}: the bytes are not UTF-8 text.`;
    throw new ServalError('SERVAL_TENSOR_DATA', message, { cause });
  }
}

/**
 * Memory of buffers and typed arrays lies outside V8's heap. V8 counts it all the same: every few tens of MB of it start a full
 * collection, of 60 to 200 ms in this process, however little lies in the heap; and where the heap is quiet none comes for
 * hundreds of MB. So what is large, and known to be of no more use, is given back by hand.
 */

/** To give back less costs more than it saves. */
export const MIN_FREED_BYTES = 16_384;

/** Gives memory back at once. Whoever still has an array over it finds it empty: only for who knows that nobody reads it. */
export function freeMemory(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= MIN_FREED_BYTES) buffer.transfer(0);
}

/** The same, of an array that has its memory for itself; one that lies in a larger piece is left alone. */
export function freeOwnMemory({ buffer, byteLength }: Uint8Array): void {
  if (buffer.byteLength === byteLength) freeMemory(buffer);
}

/** The same, of a tensor's numbers and all that lies in one piece of memory with them; texts lie in the heap. */
export function freeTensor({ data }: { readonly data: NodeJS.TypedArray | readonly string[] }): void {
  if (ArrayBuffer.isView(data)) freeMemory(data.buffer);
}

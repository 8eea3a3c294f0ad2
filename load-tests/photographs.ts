import { readFile } from 'node:fs/promises';

interface GoldenFile {
  readonly samples: readonly { readonly input: { readonly image: string } }[];
}

/** Not every peer can read it: transformers.js has no way from grey with transparency to RGB. */
const NOT_FOR_ALL = 'golden/camera-grey-alpha.png';

/** The golden photographs of imagenet/1 that all peers can read, in the order of its golden.json. */
export async function readPhotographs(): Promise<Buffer[]> {
  const folder = new URL('../models/imagenet/1/', import.meta.url);
  const { samples } = JSON.parse(await readFile(new URL('golden.json', folder), 'utf8')) as GoldenFile;
  const names = [...new Set(samples.map(({ input }) => input.image))].filter((name) => name !== NOT_FOR_ALL);
  return Promise.all(names.map((name) => readFile(new URL(name, folder))));
}

export const SALT_BYTES = 8;

/**
 * The same picture in other bytes: decoders stop at the end mark of a file. No two requests in flight may be the same
 * bytes, or a server could answer them with one computation.
 */
export function withSalt(file: Buffer, salt: number): Buffer {
  const tail = Buffer.alloc(SALT_BYTES);
  tail.writeDoubleLE(salt);
  return Buffer.concat([file, tail]);
}

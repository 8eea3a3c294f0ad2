import type { HttpRequest } from './http-request.ts';
import { type Mix, readMix } from './mixes.ts';
import { readPhotographs, withSalt } from './photographs.ts';

/** One input, as a client holds it. */
export type Input = { readonly text: string } | { readonly image: Buffer };

/** How a server wants an input to be sent. */
export type ToRequest = (input: Input, options: { readonly deadlineMs: number | null }) => HttpRequest;

/** A set of inputs, and the order in which they are sent. */
export interface Work {
  readonly name: WorkName;
  readonly size: number;
  /** @param salt makes equal pictures different bytes. */
  readonly input: (at: number, salt: number) => Input;
}

export type WorkName = `text ${Mix}` | 'images' | 'mixed';

/** Of the mixed work one input in so many is a picture. */
const PICTURE_EVERY = 10;

export async function readWork(name: WorkName): Promise<Work> {
  if (name === 'images') return images();
  if (name === 'mixed') return mixed();
  const texts = await readMix(name.slice('text '.length) as Mix);
  return { name, size: texts.length, input: (at) => ({ text: texts[at % texts.length] ?? '' }) };
}

async function images(): Promise<Work> {
  const files = await readPhotographs();
  const input = (at: number, salt: number) => ({ image: withSalt(files[at % files.length] ?? Buffer.alloc(0), salt) });
  return { name: 'images', size: files.length, input };
}

async function mixed(): Promise<Work> {
  const [texts, pictures] = [await readWork('text real'), await images()];
  return {
    name: 'mixed',
    size: texts.size,
    input: (at, salt) => (at % PICTURE_EVERY === 0 ? pictures.input(at / PICTURE_EVERY, salt) : texts.input(at, salt)),
  };
}

/** Up to so many inputs a connection has all of the work, from another offset; of more it has a part of its own. */
const WHOLE_SIZE = 256;

/**
 * The inputs that one of several connections sends, over and over: large works are cut into one part a connection,
 * so that no two of them ever send the same input, and a short run sees all kinds of inputs.
 * @returns places in the work.
 */
export function partOf({ size }: Pick<Work, 'size'>, lane: { at: number; of: number; shift: number }): number[] {
  const length = size <= WHOLE_SIZE ? size : Math.floor(size / lane.of);
  const start = Math.floor((lane.at * size) / lane.of) + lane.shift;
  return Array.from({ length: Math.min(length, MAX_PART) }, (_, at) => (start + at) % size);
}

/** A single connection need not hold requests for a run longer than any. */
const MAX_PART = 2_000;

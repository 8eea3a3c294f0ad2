import { ServalError } from '../errors.ts';
import type { Encoded, Input, Pipeline, PredictOptions } from './pipeline.ts';

/** The event loop is given back after this long. */
const SLICE_MS = 5;

/**
 * Encodes the inputs of requests in the main process without holding up the others: a large request is encoded in slices,
 * and of all requests that are at it, one has its slice in a turn of the event loop.
 */
export class Encoder {
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  #isTurning = false;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * The input of a request that has no other, as most: nothing is left to wait for between two slices.
   * @throws ServalError
   */
  encodeAlone(pipeline: Pipeline, input: Input, options: PredictOptions): Encoded[] {
    return [encodeOne(pipeline, { input, index: 0 }, options)];
  }

  /** @throws ServalError of the first input that is not usable, with its place. */
  async encodeAll(pipeline: Pipeline, inputs: readonly Input[], options: PredictOptions): Promise<Encoded[]> {
    const encoded: Encoded[] = [];
    let begun = this.#now();
    let before = begun;
    for (const [index, input] of inputs.entries()) {
      const now = this.#now();
      // The next input is taken to last as long as the one before.
      if (index > 0 && now - begun + (now - before) > SLICE_MS) {
        await this.#turn();
        begun = this.#now();
      }
      before = this.#now();
      encoded.push(encodeOne(pipeline, { input, index }, options));
    }
    return encoded;
  }

  /** Resolves in a turn of the event loop that is the caller's alone. */
  #turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#next();
    return promise;
  }

  #next(): void {
    if (this.#isTurning || this.#waiting.length === 0) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      this.#waiting.shift()?.();
      this.#next();
    });
  }
}

/** An input's error names its place. */
function encodeOne(
  pipeline: Pipeline,
  { input, index }: { input: Input; index: number },
  options: PredictOptions,
): Encoded {
  try {
    return pipeline.encode(input, options);
  } catch (error) {
    if (!(error instanceof ServalError)) throw error;
    const details = { input: index, ...(typeof error.details === 'object' ? error.details : {}) };
    throw new ServalError(error.code, `Input ${index}: ${error.message}`, { details, cause: error });
  }
}

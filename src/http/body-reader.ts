import type { Readable } from 'node:stream';
import { ServalError } from '../errors.ts';
import { GrowingBody } from './growing-body.ts';

export interface BodyLimits {
  /** Largest body in bytes. */
  readonly maxBytes: number;
  /** Time in ms for the whole body to arrive. */
  readonly timeoutMs: number;
}

/** Counts the bytes of all bodies that are held at once: the bound of what clients can make the main process keep. */
export class ReceivingBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws ServalError SERVAL_OVERLOADED */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes) {
      const message = 'Too many bytes are being received from all clients; send the request again in a second.';
      throw new ServalError('SERVAL_OVERLOADED', message, { retryAfterSeconds: 1, details: { retryAfterMs: 1000 } });
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Reads request bodies within a limit each and a budget for all. */
export class BodyReader {
  readonly #budget: ReceivingBudget;

  constructor(budget: ReceivingBudget) {
    this.#budget = budget;
  }

  /**
   * @param declared Content-Length, where the client sent one.
   * @returns the body, and `release` to be called once when it is no longer held.
   * @throws ServalError SERVAL_BODY_TOO_LARGE, SERVAL_BODY_TIMEOUT, SERVAL_OVERLOADED, SERVAL_CLIENT_CLOSED
   */
  async read(
    stream: Readable,
    declared: number | null,
    limits: BodyLimits,
  ): Promise<{ body: Buffer; release: () => void }> {
    if (declared !== null && declared > limits.maxBytes) throw tooLarge(limits.maxBytes);
    let taken = 0;
    const take = (bytes: number) => {
      this.#budget.take(bytes);
      taken += bytes;
    };
    const release = () => {
      this.#budget.release(taken);
      taken = 0;
    };
    try {
      if (declared !== null) take(declared);
      const body = new GrowingBody(declared ?? 0);
      await collect(stream, limits.timeoutMs, (chunk) => {
        const total = body.byteLength + chunk.byteLength;
        if (total > limits.maxBytes) throw tooLarge(limits.maxBytes);
        if (total > taken) take(total - taken);
        body.push(chunk);
      });
      return { body: body.whole(), release };
    } catch (error) {
      release();
      throw error;
    }
  }
}

/** Hands on what comes until the end; what `onChunk` throws ends it too. */
function collect(stream: Readable, timeoutMs: number, onChunk: (chunk: Buffer<ArrayBuffer>) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error: Error | null) => {
      clearTimeout(timer);
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      if (error === null) return resolve();
      stream.resume();
      reject(error);
    };
    const onData = (chunk: Buffer<ArrayBuffer>) => {
      try {
        onChunk(chunk);
      } catch (error) {
        finish(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const onEnd = () => finish(null);
    const onError = (cause: Error) =>
      finish(new ServalError('SERVAL_CLIENT_CLOSED', 'The connection broke before the body was complete.', { cause }));
    const onClose = () =>
      finish(new ServalError('SERVAL_CLIENT_CLOSED', 'The client went away before its body was complete.'));
    const timer = setTimeout(() => {
      finish(new ServalError('SERVAL_BODY_TIMEOUT', `The body did not arrive within ${timeoutMs} ms.`));
    }, timeoutMs);
    // It may have ended before its turn came; no event would tell.
    if (stream.destroyed) return onClose();
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

function tooLarge(maxBytes: number): ServalError {
  return new ServalError('SERVAL_BODY_TOO_LARGE', `The body has more than ${maxBytes} bytes; send less at once.`, {
    details: { maxBytes },
  });
}

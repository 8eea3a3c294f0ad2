import { ServalError } from '../errors.ts';
import { freeOwnMemory } from '../off-heap.ts';
import type { UnaryHandler } from './call-method.ts';
import { statusOf, toServalError } from './grpc-status.ts';
import { IncomingCall, type IncomingCallOptions } from './incoming-call.ts';

export interface UnaryCallOptions extends IncomingCallOptions {
  readonly handler: UnaryHandler;
}

/** A call of one message, answered with one. */
export class UnaryCall extends IncomingCall {
  readonly #options: UnaryCallOptions;
  #message: Buffer | null = null;

  constructor(options: UnaryCallOptions) {
    super(options);
    this.#options = options;
  }

  protected override message(bytes: Buffer): void {
    if (this.#message === null) this.#message = bytes;
    else this.refuse(notOne('has a second message'));
  }

  protected override messagesEnded(): void {
    if (this.isOver) return;
    if (this.#message === null) this.refuse(notOne('has no message'));
    else void this.#answer(this.#message);
  }

  async #answer(bytes: Buffer): Promise<void> {
    const { read, handler } = this.#options;
    this.workBegun();
    try {
      this.send(await handler(read(bytes) as never, this));
      this.succeed();
      // Only of what was answered: what was given up may still be on its way to a worker.
      freeOwnMemory(bytes);
    } catch (error) {
      this.fail(statusOf(toServalError(error)));
    }
    this.workEnded();
  }
}

function notOne(what: string): ServalError {
  return new ServalError('SERVAL_INVALID_REQUEST', `The call ${what}; this method takes one.`);
}

import { EventEmitter } from 'node:events';
import type { Answer, StreamingHandler } from './call-method.ts';
import { IncomingCall, type IncomingCallOptions } from './incoming-call.ts';

export interface StreamingCallOptions extends IncomingCallOptions {
  readonly handler: StreamingHandler;
}

interface CallEvents {
  data: [message: never];
  end: [];
}

/** A call of any number of messages either way. Answers as a Node stream does to `on`, `write`, `pause`, `resume` and `end`. */
export class StreamingCall extends IncomingCall {
  readonly #options: StreamingCallOptions;
  readonly #events = new EventEmitter<CallEvents>();
  /** Came while it was paused. */
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #isPaused = false;
  #hasAll = false;
  #isTold = false;

  constructor(options: StreamingCallOptions) {
    super(options);
    this.#options = options;
    options.handler(this);
  }

  on<Event extends keyof CallEvents>(event: Event, listener: (...values: CallEvents[Event]) => void): this {
    this.#events.on(event, listener as never);
    return this;
  }

  once<Event extends keyof CallEvents>(event: Event, listener: (...values: CallEvents[Event]) => void): this {
    this.#events.once(event, listener as never);
    return this;
  }

  /** @param onSent called when it is on its way, which a client that does not read puts off. */
  write(message: Answer, onSent: (() => void) | null = null): void {
    this.send(message, onSent);
  }

  end(): void {
    this.succeed();
  }

  /** Has no further `data`; the client's messages wait for `resume`, and the client with the rest. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused) {
      const held = this.#held.shift();
      if (held === undefined) break;
      this.message(held);
    }
    if (this.#isPaused) return;
    this.stream.consumed(this.#heldBytes);
    this.#heldBytes = 0;
    if (this.#hasAll) this.messagesEnded();
  }

  /** Counts as work until it settles, whoever still waits for it. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    this.workBegun();
    return work.finally(() => this.workEnded());
  }

  protected override message(bytes: Buffer): void {
    if (this.#isPaused) this.#held.push(bytes);
    else this.#events.emit('data', this.#options.read(bytes) as never);
  }

  protected override messagesEnded(): void {
    this.#hasAll = true;
    if (!this.#isPaused && !this.#isTold) {
      this.#isTold = true;
      this.#events.emit('end');
    }
  }

  protected override consumed(bytes: number): void {
    if (this.#isPaused) this.#heldBytes += bytes;
    else super.consumed(bytes);
  }
}

import type { StreamingCall } from './streaming-call.ts';
import type { UnaryCall } from './unary-call.ts';

/** How a method's messages are written: a method of a service, as proto-loader defines it. */
export interface MethodDefinition {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => object;
  readonly responseSerialize: (message: object) => Buffer;
}

/** A message that goes out; one that is disposable is disposed of when it is written. */
export type Answer = object;

/** Answers a call of one message with one. @throws ServalError */
export type UnaryHandler = (request: never, call: UnaryCall) => Promise<Answer> | Answer;

/** Listens to the messages of a call, and writes. */
export type StreamingHandler = (call: StreamingCall) => void;

/** The methods of a service by their names. */
export type Implementation = Readonly<Record<string, UnaryHandler | StreamingHandler>>;

import { Worker } from 'node:worker_threads';
import { type ErrorData, fromErrorData, ServalError } from '../../errors.ts';
import type { InferRequest } from '../../open-inference/infer-request.ts';
import { readInferRequest } from '../../open-inference/json-infer-request.ts';
import {
  jsonElements,
  type ResponseParts,
  type WrittenResponse,
  writeInferResponse,
} from '../../open-inference/json-infer-response.ts';

export type ToJsonThread =
  | { readonly type: 'read'; readonly id: number; readonly body: Uint8Array; readonly jsonBytes: number | null }
  | { readonly type: 'write'; readonly id: number; readonly parts: ResponseParts };

export type FromJsonThread =
  | { readonly id: number; readonly ok: true; readonly value: InferRequest | WrittenResponse }
  | { readonly id: number; readonly ok: false; readonly error: ErrorData };

type Unnumbered<Message> = Message extends unknown ? Omit<Message, 'id'> : never;

/** JSON over this length, in bytes, would hold up other requests for more than a millisecond or two. */
const LONG_JSON_BYTES = 64 * 1024;
const LONG_JSON_ELEMENTS = 8 * 1024;

/**
 * Reads and writes the JSON of tensors: short ones at once, long ones in a thread, so that the event loop stays free.
 * The thread starts with the first long one.
 */
export class JsonThread {
  readonly #waiting = new Map<number, PromiseWithResolvers<InferRequest | WrittenResponse>>();
  #worker: Worker | null = null;
  #nextId = 1;

  /**
   * @param jsonBytes how much of the body is JSON; null for all of it.
   * @throws ServalError
   */
  async read(body: Uint8Array, jsonBytes: number | null): Promise<InferRequest> {
    if ((jsonBytes ?? body.byteLength) <= LONG_JSON_BYTES) return readInferRequest(body, jsonBytes);
    return (await this.#ask({ type: 'read', body, jsonBytes })) as InferRequest;
  }

  /** @throws ServalError */
  async write(parts: ResponseParts): Promise<WrittenResponse> {
    if (jsonElements(parts) <= LONG_JSON_ELEMENTS) return writeInferResponse(parts);
    return (await this.#ask({ type: 'write', parts })) as WrittenResponse;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(message: Unnumbered<ToJsonThread>): Promise<InferRequest | WrittenResponse> {
    const id = this.#nextId++;
    const settlers = Promise.withResolvers<InferRequest | WrittenResponse>();
    this.#waiting.set(id, settlers);
    this.#worker ??= this.#start();
    this.#worker.postMessage({ ...message, id });
    return settlers.promise;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./json-thread-worker.ts', import.meta.url), {
      // A body within its limit must not end the process.
      resourceLimits: { maxOldGenerationSizeMb: 2_048 },
    });
    worker.unref();
    worker.on('message', (reply: FromJsonThread) => {
      const settlers = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.ok) settlers?.resolve(reply.value);
      else settlers?.reject(fromErrorData(reply.error));
    });
    worker.on('error', (cause) => this.#lost(cause));
    return worker;
  }

  /** What waits is lost; the next one starts a new thread. */
  #lost(cause: unknown): void {
    this.#worker = null;
    for (const settlers of this.#waiting.values()) {
      settlers.reject(new ServalError('SERVAL_INTERNAL', 'The thread that reads long JSON ended.', { cause }));
    }
    this.#waiting.clear();
  }
}

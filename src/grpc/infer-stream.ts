import { messageOf } from '../errors.ts';
import type { ModelInferRequest, ModelInferResponse } from './infer-messages.ts';
import type { StreamingCall } from './streaming-call.ts';

export interface ModelStreamInferResponse extends Partial<Disposable> {
  readonly error_message?: string;
  readonly infer_response: Partial<ModelInferResponse>;
}

/** Requests of one stream that run at once, or whose answers the client does not take; it waits with further ones. */
const MAX_IN_FLIGHT = 32;

/**
 * Answers each request of a stream as soon as its answer is there: clients match them by `id`. An error is the answer to
 * its request, as Triton's clients expect it; the stream goes on.
 */
export function answerStream(
  call: StreamingCall,
  infer: (request: ModelInferRequest) => Promise<ModelInferResponse>,
): void {
  let inFlight = 0;
  let hasEnded = false;
  const answered = () => {
    inFlight -= 1;
    if (hasEnded && inFlight === 0) call.end();
    else if (inFlight < MAX_IN_FLIGHT) call.resume();
  };
  call.on('data', (request: ModelInferRequest) => {
    inFlight += 1;
    if (inFlight >= MAX_IN_FLIGHT) call.pause();
    void call
      .track(infer(request))
      .then(
        (response): ModelStreamInferResponse => ({
          infer_response: response,
          [Symbol.dispose]: () => response[Symbol.dispose]?.(),
        }),
        // The request's id tells which one it was.
        (error: unknown) => ({ error_message: messageOf(error), infer_response: { id: request.id } }),
      )
      .then((message) => call.write(message, answered));
  });
  call.on('end', () => {
    hasEnded = true;
    if (inFlight === 0) call.end();
  });
}

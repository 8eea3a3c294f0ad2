import type { ServerDuplexStream } from '@grpc/grpc-js';
import { messageOf } from '../errors.ts';
import type { ModelInferRequest, ModelInferResponse } from './infer-messages.ts';

export interface ModelStreamInferResponse {
  readonly error_message?: string;
  readonly infer_response: Partial<ModelInferResponse>;
}

/** Requests of one stream that run at once; the client waits with further ones. */
const MAX_IN_FLIGHT = 32;

/**
 * Answers each request of a stream as soon as its answer is there: clients match them by `id`. An error is the answer to
 * its request, as Triton's clients expect it; the stream goes on.
 */
export function answerStream(
  stream: ServerDuplexStream<ModelInferRequest, ModelStreamInferResponse>,
  infer: (request: ModelInferRequest) => Promise<ModelInferResponse>,
): void {
  // Each request in flight waits for the client to go away.
  stream.setMaxListeners(2 * MAX_IN_FLIGHT);
  let inFlight = 0;
  let hasEnded = false;
  const answered = () => {
    inFlight -= 1;
    if (hasEnded && inFlight === 0) stream.end();
    else if (inFlight < MAX_IN_FLIGHT) stream.resume();
  };
  stream.on('data', (request: ModelInferRequest) => {
    inFlight += 1;
    if (inFlight >= MAX_IN_FLIGHT) stream.pause();
    void infer(request)
      .then(
        (response): ModelStreamInferResponse => ({ infer_response: response }),
        // The request's id tells which one it was.
        (error: unknown) => ({ error_message: messageOf(error), infer_response: { id: request.id } }),
      )
      .then((message) => {
        if (!stream.cancelled) stream.write(message);
        answered();
      });
  });
  stream.on('end', () => {
    hasEnded = true;
    if (inFlight === 0) stream.end();
  });
  // The client broke off; what runs for it is given up.
  stream.on('error', () => {});
}

import type { Config } from '../../config.ts';
import { ServalError } from '../../errors.ts';
import type { InferRequest, Parameters } from '../../open-inference/infer-request.ts';
import { freeOutputs, type InferResponse } from '../../open-inference/inference.ts';
import type { ResponseParts } from '../../open-inference/json-infer-response.ts';
import type { OpenInference } from '../../open-inference/open-inference.ts';
import type { ClientConnection } from '../../pipelines/predictor.ts';
import { serverTiming } from '../classify.ts';
import type { ServedRequest } from '../http-observer.ts';
import type { RequestHead } from '../plain/plain-request.ts';
import { TIMEOUT_HEADER } from '../request-timeout.ts';
import type { JsonThread } from './json-thread.ts';

/** How much of a body is JSON; the binary tensors follow. In the answer as well. */
const HEADER_LENGTH = 'inference-header-content-length';

/** An inference as it came over HTTP. */
export interface InferCall {
  readonly id: string;
  readonly target: { readonly name: string; readonly version: number | null };
  readonly headers: RequestHead['headers'];
  readonly body: Buffer;
}

export interface InferAnswer {
  readonly served: ServedRequest;
  readonly headers: Readonly<Record<string, string | number>>;
  /** The answer's body: its JSON, and behind it the binary tensors. */
  readonly pieces: readonly Buffer[];
  /** Gives the memory of the tensors back, to be called when they are sent. */
  readonly free: () => void;
}

export interface InferCallParts {
  readonly config: Config;
  readonly openInference: OpenInference;
  readonly json: JsonThread;
}

/**
 * Answers an inference over HTTP: JSON, with or without the binary tensor extension.
 * @throws ServalError
 */
export async function answerInfer(
  { config, openInference, json }: InferCallParts,
  { id, target, headers, body }: InferCall,
  client: ClientConnection,
): Promise<InferAnswer> {
  const inferRequest = await json.read(body, jsonBytesOf(headers[HEADER_LENGTH], body.byteLength));
  const timeoutMs = Math.min(Number(headers[TIMEOUT_HEADER] ?? config.defaultTimeoutMs), config.maxTimeoutMs);
  const response = await openInference.inference.infer({ ...target, timeoutMs }, inferRequest, client);
  const { json: text, binary } = await json.write(responseParts(response, inferRequest, id));
  const head = typeof text === 'string' ? Buffer.from(text, 'utf8') : bufferOf(text);
  const pieces = [head, ...binary.map(bufferOf)];
  return {
    served: servedBy(response),
    headers: {
      'server-timing': serverTiming(response, client.waitedMs()),
      'content-type': binary.length === 0 ? 'application/json' : 'application/octet-stream',
      'content-length': pieces.reduce((total, { byteLength }) => total + byteLength, 0),
      ...(binary.length === 0 ? {} : { [HEADER_LENGTH]: head.byteLength }),
    },
    pieces,
    free: () => freeOutputs(response),
  };
}

function servedBy({ name, manifest, items, imageBytes, timings }: InferResponse): ServedRequest {
  return { model: name, version: manifest.version, items, imageBytes, encodeSeconds: timings.encodeMs / 1000 };
}

/** @throws ServalError SERVAL_INVALID_REQUEST where the header cannot be true of this body. */
function jsonBytesOf(header: string | string[] | undefined, bodyBytes: number): number | null {
  if (header === undefined) return null;
  const length = typeof header === 'string' && /^\d{1,15}$/.test(header.trim()) ? Number(header) : Number.NaN;
  if (length <= bodyBytes) return length;
  const message = `Inference-Header-Content-Length must be the bytes of the JSON at the head of the body, which has ${bodyBytes} bytes in all.`;
  throw new ServalError('SERVAL_INVALID_REQUEST', message);
}

function responseParts(
  { name, manifest, outputs }: InferResponse,
  { id, parameters }: InferRequest,
  requestId: string,
): ResponseParts {
  const isBinary = (own: Parameters) => (own.binary_data ?? parameters.binary_data_output) === true;
  return {
    modelName: name,
    modelVersion: String(manifest.version),
    id: id ?? requestId,
    outputs: outputs.map((output) => ({
      name: output.name,
      tensor: output.tensor,
      binary: isBinary(output.parameters),
    })),
  };
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

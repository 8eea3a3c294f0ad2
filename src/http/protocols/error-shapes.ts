import type { ErrorCode, ServalError } from '../../errors.ts';
import { STATUS_CODES } from '../status-codes.ts';

/** An error as a protocol's clients read it. */
export interface ErrorAnswer {
  readonly statusCode: number;
  readonly body: object;
  /** Exactly as the protocol's own servers write it: KServe's client compares the whole header. */
  readonly contentType: string;
}

/** Makes the answer to an error: every protocol gives the same errors in its own shape. */
export type ErrorShape = (error: ServalError) => ErrorAnswer;

/** The body of every error of the own API. */
export interface ErrorBody {
  readonly statusCode: number;
  readonly code: ErrorCode;
  readonly error: string;
  readonly message: string;
  readonly details?: unknown;
}

export function errorBody(error: ServalError): ErrorBody {
  const { statusCode, code, message, details } = error;
  return {
    statusCode,
    code,
    error: STATUS_CODES[statusCode] ?? 'Client Closed Request',
    message,
    ...(details === undefined ? {} : { details }),
  };
}

const ownShape: ErrorShape = (error) => ({
  statusCode: error.statusCode,
  body: errorBody(error),
  contentType: 'application/json; charset=utf-8',
});

/** `{"error": message}`, as TensorFlow Serving, KServe and the Open Inference Protocol's servers write it. */
export const messageShape: ErrorShape = ({ statusCode, message }) => ({
  statusCode,
  body: { error: message },
  contentType: 'application/json',
});

/**
 * Hugging Face's: `{"error": message}`. Its clients take 503 for a model that is being loaded, and npm's asks again at once,
 * without end: a version that is not ready is 424, which both show to their caller.
 */
export const huggingFaceShape: ErrorShape = (error) => {
  const answer = messageShape(error);
  return error.code === 'SERVAL_VERSION_NOT_READY' ? { ...answer, statusCode: 424 } : answer;
};

/**
 * TensorFlow Serving's: what the request says wrongly is INVALID_ARGUMENT, which its REST API answers with 400.
 * https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md
 */
export const tensorFlowServingShape: ErrorShape = (error) => {
  const answer = messageShape(error);
  return { ...answer, statusCode: answer.statusCode === 422 ? 400 : answer.statusCode };
};

export type TeiErrorType = 'Unhealthy' | 'Backend' | 'Overloaded' | 'Validation' | 'Tokenizer' | 'Empty';

/**
 * Text Embeddings Inference's: `{"error", "error_type"}`. The names of the types are as its server writes them (its
 * document has them in small letters); 424 is what it answers where the model cannot do it.
 * https://github.com/huggingface/text-embeddings-inference/blob/main/router/src/lib.rs (ErrorType)
 */
export const teiShape: ErrorShape = (error) => {
  const [statusCode, errorType] = teiKind(error);
  return { statusCode, body: { error: error.message, error_type: errorType }, contentType: 'application/json' };
};

function teiKind({ code, statusCode }: ServalError): [status: number, type: TeiErrorType] {
  switch (code) {
    case 'SERVAL_EMPTY_INPUT':
      return [400, 'Empty'];
    case 'SERVAL_INVALID_REQUEST':
      return [422, 'Validation'];
    case 'SERVAL_OVERLOADED':
    case 'SERVAL_RATE_LIMITED':
    case 'SERVAL_QUOTA_EXCEEDED':
      return [429, 'Overloaded'];
    case 'SERVAL_STARTING':
    case 'SERVAL_DRAINING':
    case 'SERVAL_VERSION_NOT_READY':
      return [503, 'Unhealthy'];
    case 'SERVAL_INPUT_KIND':
    case 'SERVAL_RUN_FAILED':
    case 'SERVAL_WORKER_LOST':
      return [424, 'Backend'];
    default:
      return [statusCode, statusCode >= 500 ? 'Backend' : 'Validation'];
  }
}

/** Value of the metrics' label `protocol`: a fixed set, whatever clients send. */
export type ProtocolName =
  | 'serval'
  | 'open-inference'
  | 'open-inference-grpc'
  | 'hugging-face'
  | 'text-embeddings-inference'
  | 'tensorflow-serving';

export interface Protocol {
  readonly name: ProtocolName;
  readonly shape: ErrorShape;
}

export const OWN: Protocol = { name: 'serval', shape: ownShape };

/** By the first part of their paths. KServe's first protocol has TensorFlow Serving's. */
const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  v2: { name: 'open-inference', shape: messageShape },
  hf: { name: 'hugging-face', shape: huggingFaceShape },
  tei: { name: 'text-embeddings-inference', shape: teiShape },
  v1: { name: 'tensorflow-serving', shape: tensorFlowServingShape },
};

/** The protocol that a request's path belongs to. */
export function protocolOf(url: string): Protocol {
  const [first = ''] = url.slice(1).split(/[/?]/, 1);
  return Object.hasOwn(PROTOCOLS, first) ? (PROTOCOLS[first] ?? OWN) : OWN;
}

export function errorShapeOf(url: string): ErrorShape {
  return protocolOf(url).shape;
}

/**
 * Every error that a client can see: its stable code, the HTTP status and when it is given. Protocols map the same
 * errors to their own shapes. The README's table is generated from this one.
 */
export const ERROR_TABLE = {
  SERVAL_MALFORMED_JSON: [400, 'The body is not valid JSON.'],
  SERVAL_INVALID_REQUEST: [400, 'A field is missing, unknown or of the wrong type; `details` names each.'],
  SERVAL_MODEL_REQUIRED: [400, 'Several loaded models take this kind of input; name one in `model`.'],
  SERVAL_MODEL_MISMATCH: [400, 'The model in the path and the one in the body differ.'],
  SERVAL_TENSOR_NAME: [
    400,
    'An input or output of the graph is missing, unknown or given twice; the message names it.',
  ],
  SERVAL_TENSOR_DATATYPE: [400, 'A tensor’s datatype is not the one that the graph takes.'],
  SERVAL_TENSOR_SHAPE: [400, 'A tensor’s shape is not one that the graph takes.'],
  SERVAL_TENSOR_DATA: [400, 'A tensor’s elements or bytes are not as many as its shape says, or not of its datatype.'],
  SERVAL_BAD_HTTP: [400, 'The bytes on the connection are not an HTTP request.'],
  SERVAL_UNAUTHORIZED: [401, 'The bearer token of the management routes is missing or wrong.'],
  SERVAL_KEY_MISSING: [401, 'The server asks for an API key, and the request brings none.'],
  SERVAL_KEY_UNKNOWN: [401, 'The API key is not one of the server’s.'],
  SERVAL_KEY_EXPIRED: [401, 'The API key has expired.'],
  SERVAL_KEY_SCOPE: [403, 'The API key has not the scope that the route takes; `details` names it.'],
  SERVAL_KEY_MODEL: [403, 'The API key is for other models.'],
  SERVAL_MANAGEMENT_OFF: [403, 'The management routes are off: `SERVAL_ADMIN_TOKEN` is not set.'],
  SERVAL_ROUTE_NOT_FOUND: [404, 'No route has this path.'],
  SERVAL_MODEL_NOT_FOUND: [404, 'No model has this name, or no loaded model takes this kind of input.'],
  SERVAL_VERSION_NOT_FOUND: [404, 'The model has no such version.'],
  SERVAL_METHOD_NOT_ALLOWED: [405, 'The path exists, but not with this method; the `Allow` header lists those it has.'],
  SERVAL_BODY_TIMEOUT: [408, 'The body did not arrive in time.'],
  SERVAL_VERSION_REFUSED: [
    409,
    'The version did not pass its gates; the message says why. What was served before still is.',
  ],
  SERVAL_BODY_TOO_LARGE: [413, 'The body has more bytes than the limit.'],
  SERVAL_TOO_MANY_INPUTS: [413, 'The request carries more inputs than the limit.'],
  SERVAL_MEDIA_TYPE: [415, 'The route does not take this content type.'],
  SERVAL_IMAGE_FORMAT: [415, 'An image is not JPEG, PNG or WebP.'],
  SERVAL_CONTENT_ENCODING: [415, 'The body is compressed in a way that the route does not take.'],
  SERVAL_MALFORMED_COMPRESSION: [400, 'The body cannot be uncompressed as its Content-Encoding says.'],
  SERVAL_TENSOR_VALUE: [422, 'The graph cannot run on the values of its tensors, as on an index beyond its table.'],
  SERVAL_EMPTY_INPUT: [422, 'An input is empty.'],
  SERVAL_TEXT_TOO_LONG: [422, 'A text has more characters, or with `"truncate": false` more tokens, than the limit.'],
  SERVAL_IMAGE_URL: [422, 'An image is given as an address; the server never fetches one.'],
  SERVAL_IMAGE_BASE64: [422, 'An image’s text is not base64.'],
  SERVAL_IMAGE_BROKEN: [422, 'An image cannot be decoded: damaged, cut short or of no size.'],
  SERVAL_IMAGE_PIXELS: [422, 'An image has more pixels than the limit.'],
  SERVAL_IMAGE_SHAPE: [422, 'An image is so long and thin that resizing it would take more pixels than the limit.'],
  SERVAL_MALFORMED_MULTIPART: [400, 'The multipart body is not whole, or a field of it is not known.'],
  SERVAL_INPUT_KIND: [422, 'The model does not take this kind of input.'],
  SERVAL_QUARANTINED: [422, 'An input ended the workers that ran it; it is refused for a while.'],
  SERVAL_FUNCTION_TO_APPLY: [422, 'The graph already applies another function to its scores.'],
  SERVAL_HEADERS_TOO_LARGE: [431, 'The request line and headers have more bytes than the limit.'],
  SERVAL_OVERLOADED: [429, 'The queue is full; `Retry-After` says when to come back.'],
  SERVAL_RATE_LIMITED: [429, 'The API key sends requests faster than it may; `Retry-After` says when to come back.'],
  SERVAL_QUOTA_EXCEEDED: [429, 'The API key has used up its requests; `Retry-After` says when it has new ones.'],
  SERVAL_CLIENT_CLOSED: [499, 'The client went away before the answer; only seen in logs and metrics.'],
  SERVAL_WORKER_LOST: [500, 'The workers that ran an input alone ended twice; that input is refused for a while then.'],
  SERVAL_RUN_TIMEOUT: [500, 'The run of an input hung on two workers, which were ended.'],
  SERVAL_RUN_FAILED: [500, 'The runtime refused to run the graph on this input.'],
  SERVAL_INTERNAL: [500, 'A bug in Serval; the log has the cause under the request id.'],
  SERVAL_STARTING: [503, 'The server still loads its models.'],
  SERVAL_DRAINING: [503, 'The server is shutting down and takes no new requests.'],
  SERVAL_VERSION_NOT_READY: [503, 'The model has no ready version, or the version named is not ready.'],
  SERVAL_DEADLINE_EXCEEDED: [504, 'The request could not be answered within its `timeout_ms`.'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface ErrorOptions {
  /** What a program can act on: indexes, limits, field paths. Never a stack or a path of the machine. */
  readonly details?: unknown;
  readonly cause?: unknown;
  /** Whole seconds for the `Retry-After` header. */
  readonly retryAfterSeconds?: number;
}

/** An error with a stable code; its message says what to change and is safe to show to a client. */
export class ServalError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    // Clients never see a stack, and collecting one takes as long as all else that a refusal costs; a cause keeps its own.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'ServalError';
    this.code = code;
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** HTTP status of the code. */
  get statusCode(): number {
    return ERROR_TABLE[this.code][0];
  }
}

/** An error flattened so that it can cross a process boundary. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: unknown;
}

export function toErrorData(error: ServalError): ErrorData {
  return {
    code: error.code,
    message: error.message,
    ...(error.details === undefined ? {} : { details: error.details }),
  };
}

export function fromErrorData(data: ErrorData): ServalError {
  return new ServalError(data.code, data.message, { details: data.details });
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import protobuf from 'protobufjs/minimal.js';
import { type ErrorCode, ServalError } from '../errors.ts';

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const GrpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

/** What a call ends with where it has no answer. */
export interface CallStatus {
  readonly code: GrpcCode;
  readonly message: string;
  /** Metadata as it is sent: of a name that ends in `-bin`, bytes in base64. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** gRPC's code for each HTTP status of the error table. */
const CODES: Readonly<Record<number, GrpcCode>> = {
  400: GrpcCode.INVALID_ARGUMENT,
  401: GrpcCode.UNAUTHENTICATED,
  403: GrpcCode.PERMISSION_DENIED,
  404: GrpcCode.NOT_FOUND,
  405: GrpcCode.UNIMPLEMENTED,
  408: GrpcCode.DEADLINE_EXCEEDED,
  409: GrpcCode.FAILED_PRECONDITION,
  413: GrpcCode.INVALID_ARGUMENT,
  415: GrpcCode.INVALID_ARGUMENT,
  422: GrpcCode.INVALID_ARGUMENT,
  429: GrpcCode.RESOURCE_EXHAUSTED,
  431: GrpcCode.INVALID_ARGUMENT,
  499: GrpcCode.CANCELLED,
  500: GrpcCode.INTERNAL,
  503: GrpcCode.UNAVAILABLE,
  504: GrpcCode.DEADLINE_EXCEEDED,
};

/** Of errors that gRPC has a code of its own for. */
const OWN_CODES: Readonly<Partial<Record<ErrorCode, GrpcCode>>> = {
  SERVAL_BODY_TOO_LARGE: GrpcCode.RESOURCE_EXHAUSTED,
  SERVAL_CONTENT_ENCODING: GrpcCode.UNIMPLEMENTED,
};

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

/** Makes anything thrown an error of the table; what is not one is a bug, and its words are for the log. */
export function toServalError(thrown: unknown): ServalError {
  if (thrown instanceof ServalError) return thrown;
  const message = 'Something went wrong here; the server’s log has the cause.';
  return new ServalError('SERVAL_INTERNAL', message, { cause: thrown });
}

/**
 * The error as gRPC's clients read it; one that names a time to come back carries it as google.rpc.RetryInfo.
 * https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
 */
export function statusOf(error: ServalError): CallStatus {
  const code = OWN_CODES[error.code] ?? CODES[error.statusCode] ?? GrpcCode.UNKNOWN;
  const { message } = error;
  const fields: [string, string][] = [['serval-code', error.code]];
  const afterMs = retryAfterMs(error);
  if (afterMs !== null) {
    const details = Buffer.from(statusDetails({ code, message, afterMs }));
    fields.push(['grpc-status-details-bin', details.toString('base64')], ['grpc-retry-pushback-ms', String(afterMs)]);
  }
  return { code, message, fields };
}

function retryAfterMs({ details, retryAfterSeconds }: ServalError): number | null {
  const exact = (details as { readonly retryAfterMs?: unknown } | undefined)?.retryAfterMs;
  if (typeof exact === 'number') return exact;
  return retryAfterSeconds === undefined ? null : retryAfterSeconds * 1000;
}

/** google.rpc.Status: code = 1, message = 2, details = 3; Any: type_url = 1, value = 2; RetryInfo: retry_delay = 1. */
function statusDetails({ code, message, afterMs }: { code: number; message: string; afterMs: number }): Uint8Array {
  const delay = protobuf.Writer.create()
    .uint32(8)
    .int64(Math.floor(afterMs / 1000))
    .uint32(16)
    .int32((afterMs % 1000) * 1_000_000)
    .finish();
  const retryInfo = protobuf.Writer.create().uint32(10).bytes(delay).finish();
  const any = protobuf.Writer.create().uint32(10).string(RETRY_INFO).uint32(18).bytes(retryInfo).finish();
  return protobuf.Writer.create().uint32(8).int32(code).uint32(18).string(message).uint32(26).bytes(any).finish();
}

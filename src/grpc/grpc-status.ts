import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs/minimal.js';
import { ServalError } from '../errors.ts';

/** gRPC's code for each HTTP status of the error table. */
const CODES: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  405: status.UNIMPLEMENTED,
  408: status.DEADLINE_EXCEEDED,
  409: status.FAILED_PRECONDITION,
  413: status.INVALID_ARGUMENT,
  415: status.INVALID_ARGUMENT,
  422: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  431: status.INVALID_ARGUMENT,
  499: status.CANCELLED,
  500: status.INTERNAL,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
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
export function serviceError(error: ServalError): ServiceError {
  const code = CODES[error.statusCode] ?? status.UNKNOWN;
  const metadata = new Metadata();
  metadata.set('serval-code', error.code);
  const afterMs = retryAfterMs(error);
  if (afterMs !== null) {
    metadata.set('grpc-status-details-bin', Buffer.from(statusDetails({ code, message: error.message, afterMs })));
    metadata.set('grpc-retry-pushback-ms', String(afterMs));
  }
  return Object.assign(new Error(error.message), { code, details: error.message, metadata });
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

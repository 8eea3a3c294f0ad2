import { ServalError } from '../errors.ts';
import type { RequestTrace, ServedRequest, TraceHeaders } from '../http/http-observer.ts';
import { logAnswered } from '../http/request-log.ts';
import type { Caller } from '../scheduler/door.ts';
import { refuseUnlessServing } from '../server-phase.ts';
import type { AnyCall } from './call-context.ts';
import type { CallMetadata } from './call-metadata.ts';
import type { GrpcParts } from './grpc-parts.ts';
import { toServalError } from './grpc-status.ts';

/** What a handler tells of the call it answers. */
export interface CallRecord {
  served: ServedRequest | null;
  readonly trace: RequestTrace | null;
}

export type Handler<Request, Response> = (
  request: Request,
  call: AnyCall,
  record: CallRecord,
) => Promise<Response> | Response;

const HTTP_OK = 200;

/** Stands for a request whose bytes are no message. */
export const MALFORMED: object = Object.freeze({});

/** Stands for a request that its API key does not allow; a stream's client knows it by its id. */
export class RefusedMessage {
  readonly error: ServalError;
  readonly id: string;

  constructor(error: ServalError, { id }: { readonly id?: string }) {
    this.error = error;
    this.id = id ?? '';
  }
}

/** @throws ServalError SERVAL_INVALID_REQUEST, SERVAL_KEY_MODEL, SERVAL_RATE_LIMITED, SERVAL_QUOTA_EXCEEDED */
export function checkMessage(request: unknown): void {
  if (request instanceof RefusedMessage) throw request.error;
  if (request !== MALFORMED) return;
  throw new ServalError('SERVAL_INVALID_REQUEST', 'The bytes are not a message of this method.');
}

/** Runs handlers: errors become statuses, and each call is told to the metrics and the log as an HTTP request is. */
export class CallRunner {
  readonly #parts: GrpcParts;

  constructor(parts: GrpcParts) {
    this.#parts = parts;
  }

  /** @param method of the service, for the metrics' label `route`. */
  unary<Request, Response>(method: string, handler: Handler<Request, Response>) {
    return (request: Request, call: AnyCall): Promise<Response> =>
      this.run(method, call, (record) => {
        checkMessage(request);
        return handler(request, call, record);
      });
  }

  /** A call that ended before its handler. @param method null for one that there is not. */
  refused(method: string | null, error: ServalError): void {
    this.#tell(method, performance.now(), { served: null, trace: null }, error);
  }

  /** @throws ServalError whatever the work threw. */
  async run<Response>(
    method: string,
    { metadata }: Pick<AnyCall, 'metadata'>,
    work: (record: CallRecord) => Promise<Response> | Response,
  ): Promise<Response> {
    const begun = performance.now();
    const record: CallRecord = { served: null, trace: this.#parts.tracer?.begin(traceHeaders(metadata)) ?? null };
    try {
      const response = await (record.trace === null ? work(record) : record.trace.run(() => work(record)));
      this.#tell(method, begun, record, null);
      return response;
    } catch (thrown) {
      const error = toServalError(thrown);
      this.#tell(method, begun, record, error);
      throw error;
    }
  }

  /** @throws ServalError SERVAL_STARTING, SERVAL_DRAINING, SERVAL_OVERLOADED */
  checkDoor(caller: Caller): void {
    refuseUnlessServing(this.#parts.phase());
    this.#parts.door.check(caller);
  }

  #tell(method: string | null, begun: number, { served, trace }: CallRecord, error: ServalError | null): void {
    const statusCode = error?.statusCode ?? HTTP_OK;
    const errorCode = error?.code ?? null;
    const answered = {
      protocol: 'open-inference-grpc' as const,
      method: 'POST',
      route: method === null ? 'none' : `/inference.GRPCInferenceService/${method}`,
      statusCode,
      seconds: (performance.now() - begun) / 1000,
      errorCode,
      served,
    };
    this.#parts.observer.requestAnswered(answered);
    trace?.end(answered);
    if (error !== null && statusCode >= 500 && error.cause !== undefined) {
      this.#parts.logger.error({ err: error.cause, code: error.code }, 'call failed');
    }
    logAnswered(this.#parts.logger, { grpc: method }, { ...answered, traceId: trace?.id ?? null });
  }
}

function traceHeaders(metadata: CallMetadata): TraceHeaders {
  const [traceparent = null, another] = metadata.all('traceparent');
  const states = metadata.all('tracestate');
  return {
    // Two of what may come once are none, as the recommendation has it.
    traceparent: another === undefined ? traceparent : null,
    tracestate: states.length === 0 ? null : states.join(','),
  };
}

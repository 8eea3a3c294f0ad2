import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { type ServerWritableStream, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { ServalError } from '../errors.ts';
import type { GrpcParts } from './grpc-parts.ts';
import { serviceError } from './grpc-status.ts';

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

/** The whole server, and its one service. */
const SERVICES = ['', 'inference.GRPCInferenceService'];
const LOOK_EVERY_MS = 250;

/** gRPC's standard health service: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export class HealthService {
  readonly #parts: Pick<GrpcParts, 'phase' | 'repository'>;
  readonly #watchers = new Set<() => void>();

  constructor(parts: Pick<GrpcParts, 'phase' | 'repository'>) {
    this.#parts = parts;
  }

  get implementation(): UntypedServiceImplementation {
    return {
      Check: ({ request }: ServerUnaryCall<HealthRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>) => {
        const found = this.#status(request.service);
        if (found === 'SERVICE_UNKNOWN') {
          const error = new ServalError(
            'SERVAL_ROUTE_NOT_FOUND',
            `There is no service "${String(request.service).slice(0, 128)}".`,
          );
          callback({ ...serviceError(error), code: status.NOT_FOUND });
        } else callback(null, { status: found });
      },
      Watch: (call: ServerWritableStream<HealthRequest, HealthResponse>) => this.#watch(call),
    };
  }

  /** Ends the streams of those who watch, which would otherwise hold up the shutdown. */
  stop(): void {
    for (const end of this.#watchers) end();
  }

  #status(service = ''): HealthResponse['status'] {
    if (!SERVICES.includes(service)) return 'SERVICE_UNKNOWN';
    return this.#parts.phase() === 'ready' && this.#parts.repository.anyReady ? 'SERVING' : 'NOT_SERVING';
  }

  #watch(call: ServerWritableStream<HealthRequest, HealthResponse>): void {
    let told: HealthResponse['status'] | null = null;
    const tell = () => {
      const now = this.#status(call.request.service);
      if (now !== told) call.write({ status: now });
      told = now;
    };
    const timer = setInterval(tell, LOOK_EVERY_MS).unref();
    const forget = () => {
      clearInterval(timer);
      this.#watchers.delete(end);
    };
    const end = () => {
      tell();
      forget();
      call.end();
    };
    this.#watchers.add(end);
    call.once('cancelled', forget);
    call.on('error', forget);
    tell();
  }
}

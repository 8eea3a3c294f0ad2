import { ServalError } from '../errors.ts';
import type { Implementation } from './call-method.ts';
import type { GrpcParts } from './grpc-parts.ts';
import type { StreamingCall } from './streaming-call.ts';

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

  get implementation(): Implementation {
    return {
      Check: ({ service = '' }: Partial<HealthRequest>) => {
        const status = this.#status(service);
        if (status !== 'SERVICE_UNKNOWN') return { status };
        throw new ServalError('SERVAL_ROUTE_NOT_FOUND', `There is no service "${String(service).slice(0, 128)}".`);
      },
      Watch: (call: StreamingCall) => {
        let isWatched = false;
        call.once('data', ({ service = '' }: Partial<HealthRequest>) => {
          isWatched = true;
          this.#watch(call, service);
        });
        call.on('end', () => {
          if (!isWatched) call.end();
        });
      },
    };
  }

  /** Ends the streams of those who watch, which would otherwise hold up the shutdown. */
  stop(): void {
    for (const end of this.#watchers) end();
  }

  #status(service: string): HealthResponse['status'] {
    if (!SERVICES.includes(service)) return 'SERVICE_UNKNOWN';
    return this.#parts.phase() === 'ready' && this.#parts.repository.anyReady ? 'SERVING' : 'NOT_SERVING';
  }

  #watch(call: StreamingCall, service: string): void {
    let told: HealthResponse['status'] | null = null;
    const tell = () => {
      const now = this.#status(service);
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
    call.onCancelled(forget);
    tell();
  }
}

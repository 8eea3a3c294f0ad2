import type { Config } from '../config.ts';
import type { ReceivingBudget } from '../http/body-reader.ts';
import type { HttpObserver, RequestTracer } from '../http/http-observer.ts';
import type { OpenInference } from '../open-inference/open-inference.ts';
import type { ModelManagement } from '../repository/model-management.ts';
import type { ModelRepository } from '../repository/model-repository.ts';
import type { Door } from '../scheduler/door.ts';
import type { Certificate } from '../security/certificate.ts';
import type { Gatekeeper } from '../security/gatekeeper.ts';
import type { ServerPhase } from '../server-phase.ts';

/** What the gRPC server needs of the rest. */
export interface GrpcParts {
  readonly config: Config;
  readonly logger: GrpcLogger;
  readonly openInference: OpenInference;
  readonly repository: ModelRepository;
  readonly management: ModelManagement;
  /** Calls count as requests do, under the statuses of the error table. */
  readonly observer: HttpObserver;
  /** Null where calls are not traced. */
  readonly tracer: RequestTracer | null;
  /** Refuses a call before anything is done for it. */
  readonly door: Pick<Door, 'check'>;
  /** What is being received from all clients, whatever the protocol. */
  readonly budget: Pick<ReceivingBudget, 'take' | 'release'>;
  /** Null where everybody gets in. */
  readonly gatekeeper: Gatekeeper | null;
  /** Null for plain text. */
  readonly certificate: Certificate | null;
  readonly phase: () => ServerPhase;
}

export interface GrpcLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { ProviderLog } from './lifecycle/provider-log.ts';
import { createLogger } from './observability/logger.ts';
import type { Tracing } from './observability/tracing.ts';
import { findCuda } from './workers/execution-provider.ts';

/** What a server stands on, found out before it is made. */
export interface Surroundings {
  /** `workers` is one a GPU where it was left to the server and there are GPUs. */
  readonly config: Config;
  readonly logger: Logger;
  readonly providers: ProviderLog;
  /** GPUs that work, as CUDA counts them. */
  readonly cudaDevices: readonly number[];
  /** Null where requests are not traced. */
  readonly tracing: Tracing | null;
}

export async function findSurroundings(config: Config): Promise<Surroundings> {
  const logger = createLogger(config);
  const [cuda, tracing] = await Promise.all([findCuda(config), createTracing(config, logger)]);
  const providers = new ProviderLog(logger);
  providers.found(cuda, config);
  const cudaDevices = cuda.state === 'works' ? cuda.devices : [];
  const workers = config.isWorkersAuto && cudaDevices.length > 0 ? cudaDevices.length : config.workers;
  return { config: { ...config, workers }, logger, providers, cudaDevices, tracing };
}

/** Who does not trace does not load it. */
async function createTracing({ tracing, traceRatio }: Config, log: Logger): Promise<Tracing | null> {
  if (tracing === 'off') return null;
  const { Tracing } = await import('./observability/tracing.ts');
  return new Tracing({ ratio: traceRatio, log });
}

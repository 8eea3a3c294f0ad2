import type { Config } from '../config.ts';
import type { Cuda } from '../workers/execution-provider.ts';
import type { LoadOutcome } from '../workers/worker-process.ts';

export interface ProviderLines {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Tells what models run on: one line where CUDA works or is missed, and one for each version that it does not take. */
export class ProviderLog {
  readonly #log: ProviderLines;
  readonly #told = new Set<string>();

  constructor(log: ProviderLines) {
    this.#log = log;
  }

  /** What was found at the start; nothing is told where nobody asked for CUDA and it is not installed. */
  found(cuda: Cuda, { executionProvider }: Pick<Config, 'executionProvider'>): void {
    switch (cuda.state) {
      case 'off':
        return;
      case 'works':
        this.#log.info({ gpus: cuda.devices, problem: cuda.problem }, 'CUDA works');
        return;
      case 'not_installed':
        if (executionProvider === 'cuda') this.#log.warn({ reason: 'it is not installed' }, NO_CUDA);
        return;
      case 'failed':
        this.#log.warn({ reason: cuda.reason }, NO_CUDA);
    }
  }

  /** To be called with what a worker loaded. */
  loaded(loads: ReadonlyMap<string, LoadOutcome>): void {
    for (const [version, load] of loads) {
      if (!load.ok || load.providerProblem === null || this.#told.has(version)) continue;
      this.#told.add(version);
      this.#log.warn({ version, reason: load.providerProblem }, 'CUDA does not take the version, it runs on the CPU');
    }
  }
}

const NO_CUDA = 'CUDA cannot be used, all runs on the CPU: npm run doctor says what is missing';

import { Counter, type Registry } from 'prom-client';
import type { KeyObserver, KeyOutcome } from '../security/gatekeeper.ts';

/** What API keys are used for. Their names are the operator's, so that no client can make new series. */
export class KeyMetrics implements KeyObserver {
  readonly #requests: Counter<'key' | 'outcome'>;

  constructor(registers: readonly Registry[]) {
    this.#requests = new Counter({
      name: 'serval_api_key_requests_total',
      help: 'Requests that brought a known API key, by its name and what came of it.',
      labelNames: ['key', 'outcome'],
      registers: [...registers],
    });
  }

  keyUsed(key: string, outcome: KeyOutcome): void {
    this.#requests.inc({ key, outcome });
  }
}

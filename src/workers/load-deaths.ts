import type { WorkerModel } from './protocol.ts';

/** Workers that may end while they load a version before it is left out. */
const MAX_DEATHS = 3;

/** Which versions end the workers that load them: they are left out, so that they do not bring the others down. */
export class LoadDeaths {
  readonly #deaths = new Map<string, number>();
  readonly #excluded = new Set<string>();
  readonly #exclude: (versionKey: string, reason: string) => void;

  /** @param exclude called once for a version that is left out from now on. */
  constructor(exclude: (versionKey: string, reason: string) => void) {
    this.#exclude = exclude;
  }

  /**
   * Of these, what a new worker loads: nothing that is left out, and what ended a worker already without what the cache
   * has of it, and on the CPU.
   */
  loadable(models: readonly WorkerModel[]): WorkerModel[] {
    return models
      .filter(({ versionKey }) => !this.isExcluded(versionKey))
      .map((model) =>
        this.#deaths.has(model.versionKey) ? { ...model, cache: null, provider: 'cpu' as const } : model,
      );
  }

  isExcluded(versionKey: string): boolean {
    return this.#excluded.has(versionKey);
  }

  add(versionKey: string, how: string): void {
    const deaths = (this.#deaths.get(versionKey) ?? 0) + 1;
    this.#deaths.set(versionKey, deaths);
    if (deaths < MAX_DEATHS || this.#excluded.has(versionKey)) return;
    this.#excluded.add(versionKey);
    this.#exclude(versionKey, `${deaths} workers ended while they loaded it (${how})`);
  }

  /** The version may be tried again. */
  forget(versionKey: string): void {
    this.#deaths.delete(versionKey);
    this.#excluded.delete(versionKey);
  }
}

import { type Manifest, versionKey } from '../repository/manifest.ts';
import type { Snapshots } from '../repository/snapshots.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { WorkerModel } from '../workers/protocol.ts';

export interface KeptVersionsOptions {
  readonly keepUnloadedMs: number;
  readonly pool: WorkerPool;
  readonly snapshots: Snapshots;
  /** What workers are to have. */
  readonly live: () => readonly WorkerModel[];
}

/**
 * Versions that were unloaded and that workers still have: to come back they need no fresh workers. Their memory and private
 * copies are freed when they have been kept for long enough, or with the next replacement of the workers.
 */
export class KeptVersions {
  readonly #options: KeptVersionsOptions;
  readonly #manifests = new Set<Manifest>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KeptVersionsOptions) {
    this.#options = options;
  }

  add(manifest: Manifest): void {
    this.#manifests.add(manifest);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#free(), this.#options.keepUnloadedMs).unref();
  }

  /** Replaces the workers by such as have what is live, and nothing that was unloaded. */
  async roll(): Promise<void> {
    const unloaded = this.#take();
    await this.#options.pool.roll(this.#options.live());
    await this.#release(unloaded);
  }

  /** The same where anything that was unloaded did not come back meanwhile. */
  async #free(): Promise<void> {
    const live = new Set(this.#options.live().map(({ versionKey: key }) => key));
    if ([...this.#manifests].every((manifest) => live.has(versionKey(manifest)))) await this.#release(this.#take());
    else await this.roll();
  }

  #take(): Manifest[] {
    clearTimeout(this.#timer);
    const manifests = [...this.#manifests];
    this.#manifests.clear();
    return manifests;
  }

  async #release(manifests: readonly Manifest[]): Promise<void> {
    for (const { provenance } of manifests) await this.#options.snapshots.release(provenance.sha256).catch(() => {});
  }
}

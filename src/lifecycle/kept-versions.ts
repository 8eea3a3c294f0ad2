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
  /** SHA-256 of their files, by version key: a manifest holds its tokenizer's whole vocabulary. */
  readonly #kept = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KeptVersionsOptions) {
    this.#options = options;
  }

  add(manifest: Manifest): void {
    const key = versionKey(manifest);
    const { sha256 } = manifest.provenance;
    // One that came back and goes again has a copy for each time.
    if (this.#kept.has(key)) void this.#release([sha256]);
    else this.#kept.set(key, sha256);
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
    if ([...this.#kept.keys()].every((key) => live.has(key))) await this.#release(this.#take());
    else await this.roll();
  }

  #take(): string[] {
    clearTimeout(this.#timer);
    const hashes = [...this.#kept.values()];
    this.#kept.clear();
    return hashes;
  }

  async #release(hashes: readonly string[]): Promise<void> {
    for (const sha256 of hashes) await this.#options.snapshots.release(sha256).catch(() => {});
  }
}

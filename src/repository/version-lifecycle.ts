import type { ExecutionProvider } from '../config.ts';
import type { Manifest } from './manifest.ts';

/**
 *     loading → verifying → ready → draining → unloaded
 *        └──────────┴──→ failed (with the reason)
 */
export type VersionState = 'loading' | 'verifying' | 'ready' | 'draining' | 'unloaded' | 'failed';

const NEXT: Readonly<Record<VersionState, readonly VersionState[]>> = {
  loading: ['verifying', 'failed'],
  verifying: ['ready', 'failed'],
  ready: ['draining', 'failed'],
  draining: ['unloaded', 'ready'],
  unloaded: [],
  failed: [],
};

/** Whether an item's scores depend on its batch: not at all, by less than the tolerance, or by more (it runs alone). */
export type BatchingVerdict = 'invariant' | 'within_tolerance' | 'unsafe' | 'off';

/** What the golden samples showed. */
export interface Verification {
  /** Samples compared with their reference scores; null without golden.json: built-in probes only. */
  readonly golden: { readonly samples: number; readonly tolerance: number; readonly largestError: number } | null;
  readonly batching: BatchingVerdict;
  /** Largest |score alone − score in a mixed batch|. */
  readonly largestBatchMove: number;
  readonly seconds: number;
}

/** One version of a model and where it stands in its life. */
export class VersionRecord {
  readonly model: string;
  readonly version: number;
  /** Null where the folder could not be read. */
  readonly manifest: Manifest | null;
  #state: VersionState = 'loading';
  #reason: string | null = null;
  #verification: Verification | null = null;
  loadSeconds: number | null = null;
  /** What ran it while it was verified; null before. */
  executionProvider: ExecutionProvider | null = null;
  /** Why the last change of the folder was not taken over, while this version goes on serving. */
  refusedUpdate: string | null = null;
  #users = 0;
  #unused = Promise.withResolvers<void>();

  constructor(model: string, version: number, manifest: Manifest | null) {
    this.model = model;
    this.version = version;
    this.manifest = manifest;
  }

  get state(): VersionState {
    return this.#state;
  }

  /** Why the version failed. */
  get reason(): string | null {
    return this.#reason;
  }

  get verification(): Verification | null {
    return this.#verification;
  }

  /** To be called before a request uses the version; each call is paid back by one `release`. */
  acquire(): void {
    this.#users += 1;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#unused.resolve();
    this.#unused = Promise.withResolvers();
  }

  /** Resolves when no request uses the version. */
  async unused(): Promise<void> {
    while (this.#users > 0) await this.#unused.promise;
  }

  moveTo(state: Exclude<VersionState, 'failed' | 'ready'>): void {
    this.#move(state);
  }

  becomeReady(verification: Verification): void {
    this.#move('ready');
    this.#verification = verification;
  }

  fail(reason: string): void {
    if (this.#state === 'failed') return;
    this.#move('failed');
    this.#reason = reason;
  }

  #move(state: VersionState): void {
    if (!NEXT[this.#state].includes(state)) {
      throw new Error(`This is a bug: ${this.model}/${this.version} cannot go from ${this.#state} to ${state}`);
    }
    this.#state = state;
  }
}

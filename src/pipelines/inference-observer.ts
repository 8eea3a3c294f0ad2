import type { Manifest } from '../repository/manifest.ts';

/** What the predictors tell of a request once its version is known; the same rules as for SchedulerObserver. */
export interface InferenceObserver {
  inferenceEnded(inference: EndedInference): void;
}

export interface EndedInference {
  readonly manifest: Manifest;
  readonly ok: boolean;
  /** From the resolved version to its answer, in ms of `performance.now()`. */
  readonly begunAt: number;
  readonly endedAt: number;
  /** To encode its inputs; 0 where it failed. */
  readonly encodeMs: number;
  /** To make labels and scores of the graph's outputs. */
  readonly decodeMs: number;
}

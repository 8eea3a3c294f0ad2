import type { BatchBounds } from '../config.ts';
import type { AdmissionLimits } from './admission.ts';
import type { CostCoefficients } from './cost-model.ts';
import type { SchedulerObserver } from './observer.ts';
import type { QuarantineLimits } from './quarantine.ts';
import type { ReuseOptions } from './reuse.ts';

export type Priority = 'interactive' | 'background';

export interface SchedulerOptions extends AdmissionLimits, QuarantineLimits, ReuseOptions {
  readonly maxBatchItems: number;
  readonly maxBatchTokens: number;
  /** How long a batch that is not full may be held for company; 0 runs what there is. */
  readonly maxQueueDelayMs: number;
  readonly observer: SchedulerObserver;
  /** A clock in ms that never goes back. */
  readonly now?: () => number;
}

export interface SubmitOptions {
  readonly timeoutMs: number;
  /** ms of it that are over: the request was read meanwhile, and encoded. */
  readonly waitedMs?: number;
  readonly priority: Priority;
  /** What all requests of one client have in common; null where that is not known. */
  readonly client?: unknown;
}

export interface VersionOptions {
  /** Off where its scores depend on their batch. */
  readonly batching: boolean;
  /** Of its batches, where they are not those of all versions. */
  readonly bounds?: Pick<BatchBounds, 'maxBatchItems' | 'maxBatchTokens'>;
  /** Items of one of its batches, where fewer than others may have. */
  readonly maxItems?: number;
  /** What its batches are taken to cost until some have run. */
  readonly prior: CostCoefficients;
}

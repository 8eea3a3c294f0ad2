import type { Config } from '../config.ts';
import type { ClientConnection } from '../pipelines/predictor.ts';
import type { CallMetadata } from './call-metadata.ts';

/** What all kinds of calls have in common. */
export interface AnyCall {
  readonly metadata: CallMetadata;
  /** When it began, in ms of `performance.now()`. */
  readonly begun: number;
  /** ms that its client gives it; null where it set no deadline. */
  readonly timeoutMs: number | null;
  /** Whether nobody waits for its answer: by the client, by its deadline, or with its connection. */
  readonly isCancelled: boolean;
  /** @returns what takes the callback back. */
  onCancelled(callback: () => void): () => void;
}

export function connectionOf(call: AnyCall): ClientConnection {
  const begun = performance.now();
  return {
    // Calls of one connection may come side by side.
    key: null,
    waitedMs: () => performance.now() - begun,
    isClosed: () => call.isCancelled,
    onClose: (callback) => call.onCancelled(callback),
  };
}

/** What the client's deadline leaves, in ms; the configuration's default where it set none. */
export function allowedMs({ timeoutMs, begun }: AnyCall, { defaultTimeoutMs, maxTimeoutMs }: Config): number {
  if (timeoutMs === null) return defaultTimeoutMs;
  return Math.max(1, Math.min(timeoutMs - (performance.now() - begun), maxTimeoutMs));
}

import type { Metadata } from '@grpc/grpc-js';
import type { Config } from '../config.ts';
import type { ClientConnection } from '../pipelines/predictor.ts';

/** What all kinds of calls have in common. */
export interface AnyCall {
  readonly cancelled: boolean;
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  once(event: 'cancelled', listener: () => void): unknown;
  off(event: 'cancelled', listener: () => void): unknown;
}

/** Cancelled by the client, by its deadline, or with its connection. */
export function connectionOf(call: AnyCall): ClientConnection {
  const begun = performance.now();
  return {
    // Calls of one connection may come side by side.
    key: null,
    waitedMs: () => performance.now() - begun,
    isClosed: () => call.cancelled,
    onClose: (callback) => {
      call.once('cancelled', callback);
      return () => void call.off('cancelled', callback);
    },
  };
}

/** What the client's deadline leaves, in ms; the configuration's default where it set none. */
export function allowedMs(call: AnyCall, { defaultTimeoutMs, maxTimeoutMs }: Config): number {
  const deadline = Number(call.getDeadline());
  if (!Number.isFinite(deadline)) return defaultTimeoutMs;
  return Math.max(1, Math.min(deadline - Date.now(), maxTimeoutMs));
}

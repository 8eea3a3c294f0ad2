import type { VersionRecord } from '../repository/version-lifecycle.ts';

/** What is told of versions' lives, for the log and the metrics. Observers must not throw. */
export interface LifecycleObserver {
  /** A folder that cannot be a model, with what to change. */
  folderPassedOver(problem: string): void;
  /** A version passed its gates, and gets traffic. */
  versionReady(record: VersionRecord): void;
  /** A version is not served, or no longer; the record says why. */
  versionFailed(record: VersionRecord): void;
  /** A version was taken out of service; all that it had accepted is answered. */
  versionUnloaded(record: VersionRecord): void;
}

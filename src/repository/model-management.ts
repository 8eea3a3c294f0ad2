import type { VersionState } from './version-lifecycle.ts';

/** What became of a version that was to be loaded, unloaded or promoted. */
export interface VersionChange {
  readonly model: string;
  readonly version: number;
  /** `unchanged`: it is served with just these bytes already. `refused`: it did not pass its gates. */
  readonly action: 'loaded' | 'unchanged' | 'refused' | 'unloaded' | 'promoted';
  /** Where the version stands now: `ready` for a version that was refused while the one before it goes on serving. */
  readonly state: VersionState;
  /** Why it was refused. */
  readonly reason: string | null;
}

/**
 * Changes what is served, without a restart and without losing a request. Calls are carried out one after another;
 * every protocol's management routes stand in front of this.
 */
export interface ModelManagement {
  /**
   * Reads a version's folder, verifies it in a worker of its own and gives it traffic; what is served under its number
   * goes on serving until then, and is drained after.
   * @throws ServalError SERVAL_VERSION_NOT_FOUND where the models folder has no such version.
   */
  load(model: string, version: number): Promise<VersionChange>;
  /**
   * Takes a version out of service: new requests do not get it, those accepted are answered.
   * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND
   */
  unload(model: string, version: number): Promise<VersionChange>;
  /**
   * Pins the version that answers requests which name none, whatever higher ones there are: forward as well as back.
   * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND, SERVAL_VERSION_NOT_READY
   */
  promote(model: string, version: number): Promise<VersionChange>;
  /**
   * The highest ready version answers again.
   * @throws ServalError SERVAL_MODEL_NOT_FOUND
   */
  unpin(model: string): Promise<void>;
  /**
   * Brings what is served to what the models folder holds: new and changed versions are loaded, failed ones tried again,
   * those whose folder is gone unloaded. A version that was unloaded by hand stays so until its bytes change.
   * @param model null for all.
   */
  reload(model: string | null): Promise<readonly VersionChange[]>;
}

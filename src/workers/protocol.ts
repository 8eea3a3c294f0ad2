import type { ExecutionProvider } from '../config.ts';
import type { ImageInput, TextInput } from '../repository/manifest.ts';
import type { EncodedItem, ItemOutcome } from '../scheduler/item.ts';
import type { CachedModel } from './weights-cache.ts';

/** The file descriptor of a worker's end of the wire. */
export const WIRE_FD = 3;

/** How a version's items become the graph's inputs. */
export type CollateSpec =
  | ({ readonly kind: 'tokens' } & TokensSpec)
  | { readonly kind: 'image'; readonly image: ImageInput; readonly maxPixels: number }
  /** The graph's inputs as they are. */
  | { readonly kind: 'tensors' };

export type TokensSpec = Pick<TextInput, 'inputNames' | 'padId' | 'padTypeId' | 'paddingSide' | 'fixedLength'>;

/** A version as a worker loads it. */
export interface WorkerModel {
  readonly versionKey: string;
  readonly modelFile: string;
  /** What is to run it; a worker that cannot takes the CPU and says so. */
  readonly provider: ExecutionProvider;
  /** Threads that a batch runs on. */
  readonly threads: number;
  /** Threads that one runs on while nothing else does. */
  readonly loneThreads: number;
  /** Where weights that workers share may lie; null where each has its own. */
  readonly cache: CachedModel | null;
  readonly collate: CollateSpec;
  /** Names of the graph's outputs that are computed. */
  readonly outputs: readonly string[];
  /**
   * Batches that run before the worker is ready: the largest ones that it will get. The runtime's memory grows to what
   * they need then, and not under traffic.
   */
  readonly warmUp: readonly (readonly EncodedItem[])[];
}

/** What runs a version in a worker, and why it is not what should; the runtime's own words, for the log. */
export interface RunsOn {
  readonly provider: ExecutionProvider;
  readonly providerProblem: string | null;
}

/** Whether a worker maps the weights that all share or has its own copy; `damaged` where it would have shared. */
export type WeightsSource = 'shared' | 'own' | 'damaged';

/** From the main process to a worker. `load` comes first, in parts where models are known one by one. */
export type ToWorker =
  | {
      readonly type: 'load';
      readonly models: readonly WorkerModel[];
      /** Whether these are all, those of earlier parts among them: from then on a worker's models never change. */
      readonly isAll: boolean;
      /** The GPU of this worker, as CUDA counts them. */
      readonly cudaDevice: number | null;
    }
  | {
      readonly type: 'run';
      readonly versionKey: string;
      readonly items: readonly EncodedItem[];
      /** Whether it may have all cores: nothing else runs or waits. */
      readonly isLone: boolean;
    }
  | { readonly type: 'exit' };

/** From a worker to the main process. */
export type FromWorker =
  /** Sent before the load starts, so that a death during it has a name. */
  | { readonly type: 'loading'; readonly versionKey: string }
  | ({
      readonly type: 'loaded';
      readonly versionKey: string;
      readonly seconds: number;
      readonly weights: WeightsSource;
    } & RunsOn)
  | { readonly type: 'load-failed'; readonly versionKey: string; readonly message: string }
  | { readonly type: 'ready' }
  | {
      readonly type: 'ran';
      readonly begunAt: number;
      readonly isWide: boolean;
      /** Whether it opens a session for batches like this one now: `prepared` tells when it can take the next. */
      readonly prepares: boolean;
      readonly outcomes: readonly ItemOutcome[];
      readonly collateMs: number;
      readonly runMs: number;
      readonly pixels: number;
    }
  | { readonly type: 'prepared' }
  /** The runtime's own words: for the log, as they may name files. */
  | { readonly type: 'run-failed'; readonly reason: string }
  | { readonly type: 'usage'; readonly usage: WorkerUsage };

export interface WorkerUsage {
  /** CPU time since the process began. */
  readonly cpuSeconds: number;
  /** Resident set, pages shared with other processes included. */
  readonly residentBytes: number;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionProvider } from '../config.ts';
import { messageOf } from '../errors.ts';
import { verify } from '../pipelines/golden-gate.ts';
import type { Pipeline } from '../pipelines/pipeline.ts';
import { verifyTensors } from '../pipelines/tensor-gate.ts';
import { type Manifest, versionKey } from '../repository/manifest.ts';
import type { Verification, VersionRecord } from '../repository/version-lifecycle.ts';
import { type Executor, ExecutorLostError } from '../scheduler/executor.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { WorkerModel } from '../workers/protocol.ts';
import { WorkerProcess } from '../workers/worker-process.ts';

/** A version that was read from its folder and has a pipeline. */
export interface Candidate {
  readonly record: VersionRecord;
  readonly manifest: Manifest;
  /** Null for a bare graph. */
  readonly pipeline: Pipeline | null;
  readonly workerModel: WorkerModel;
}

/** What a version showed before it gets traffic. */
export interface Passed {
  readonly verification: Verification;
  readonly loadSeconds: number;
  /** What ran it. */
  readonly provider: ExecutionProvider;
}

/** Workers that may end during one version's verification before it is failed. */
const MAX_ATTEMPTS = 3;
const FIRST_BACKOFF_MS = 100;
/** What a worker of a verification may take to exit. */
const EXIT_GRACE_MS = 5_000;
/** Versions whose verification is remembered at most. */
const MAX_REMEMBERED = 1_000;

/**
 * Puts versions through their gates: loaded by a worker that serves nobody, golden samples alone and in mixed batches.
 * What the same bytes showed once is not asked again.
 */
export class VersionVerifier {
  readonly #pool: WorkerPool;
  readonly #passed = new Map<string, Passed>();
  /** Workers that a verification holds: between two of its batches they are idle, but not free. */
  readonly #held = new Set<WorkerProcess>();

  constructor(pool: WorkerPool) {
    this.#pool = pool;
  }

  /**
   * On the pool's own workers, while they serve nobody yet; each takes the next version that is not verified. Those with most to do
   * go first, so that no worker is left with one of them while the others are done.
   * @param passed told for each that passes; the others' records are `failed`.
   */
  async verifyAll(candidates: readonly Candidate[], passed: (candidate: Candidate, what: Passed) => void) {
    const left = candidates.filter(({ record }) => record.state === 'loading').sort(byWork);
    for (const { record } of left) record.moveTo('verifying');
    const turn = async () => {
      for (let candidate = left.shift(); candidate !== undefined; candidate = left.shift()) {
        const { record } = candidate;
        try {
          const what = await this.#attempts(candidate, () => this.#reserve());
          if (record.state === 'verifying') passed(candidate, what);
        } catch (error) {
          record.fail(messageOf(error));
        }
      }
    };
    await Promise.all(this.#pool.serving.map(turn));
  }

  /**
   * In a worker of its own, while others serve.
   * @throws Error with what keeps the version from being served.
   */
  async verifyApart(candidate: Candidate): Promise<Passed> {
    candidate.record.moveTo('verifying');
    const known = this.#passed.get(versionKey(candidate.manifest));
    if (known !== undefined) return known;
    return this.#attempts(candidate, async (attempt) => {
      if (attempt > 1) await delay(FIRST_BACKOFF_MS * 2 ** (attempt - 2));
      const worker = await this.#pool.startProbe([candidate.workerModel]);
      if (worker instanceof WorkerProcess) return { worker, end: () => void worker.retire(EXIT_GRACE_MS) };
      const how = worker.signal ?? `exit code ${worker.exitCode}`;
      throw new ExecutorLostError(`${MAX_ATTEMPTS} workers ended while they loaded it (${how})`);
    });
  }

  async #attempts(candidate: Candidate, reserve: (attempt: number) => Promise<Reserved>): Promise<Passed> {
    for (let attempt = 1; ; attempt++) {
      let reserved: Reserved | null = null;
      try {
        reserved = await reserve(attempt);
        return await this.#check(candidate, reserved.worker);
      } catch (error) {
        if (!(error instanceof ExecutorLostError) || attempt >= MAX_ATTEMPTS) throw error;
      } finally {
        reserved?.end();
      }
    }
  }

  async #check({ manifest, pipeline }: Candidate, worker: WorkerProcess): Promise<Passed> {
    const key = versionKey(manifest);
    const load = worker.loads.get(key);
    if (load === undefined || !load.ok) throw new Error(loadFailure(manifest, load?.message ?? 'was not loaded'));
    const { seconds: loadSeconds, provider } = load;
    const passed = { verification: await verifyVersion(manifest, pipeline, worker), loadSeconds, provider };
    this.#passed.set(key, passed);
    const [oldest] = this.#passed.keys();
    if (this.#passed.size > MAX_REMEMBERED && oldest !== undefined) this.#passed.delete(oldest);
    return passed;
  }

  async #reserve(): Promise<Reserved> {
    for (;;) {
      const worker = this.#pool.serving.find((candidate) => !this.#held.has(candidate));
      if (worker !== undefined) {
        this.#held.add(worker);
        return { worker, end: () => void this.#held.delete(worker) };
      }
      await delay(5);
    }
  }
}

/** By the number of golden samples times the size of the model's files, the largest first. */
function byWork(a: Candidate, b: Candidate): number {
  return workOf(b.manifest) - workOf(a.manifest);
}

function workOf({ golden, provenance }: Manifest): number {
  return (golden?.samples.length ?? 1) * provenance.fileBytes;
}

function verifyVersion(manifest: Manifest, pipeline: Pipeline | null, executor: Executor): Promise<Verification> {
  if (manifest.task === 'tensor') return verifyTensors(manifest, executor);
  if (pipeline === null) throw new Error(`This is a bug: ${versionKey(manifest)} has no pipeline`);
  return verify(pipeline, executor);
}

interface Reserved {
  readonly worker: WorkerProcess;
  readonly end: () => void;
}

/** The runtime's words name the file by its path, which is nobody's business. */
function loadFailure({ modelFile, modelName }: Manifest, message: string): string {
  const folder = modelFile.slice(0, -modelName.length);
  return `${modelName}: ${message.replaceAll(folder, '')}`;
}

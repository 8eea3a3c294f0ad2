import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { verify } from '../pipelines/golden-gate.ts';
import type { Pipeline } from '../pipelines/pipeline.ts';
import { verifyTensors } from '../pipelines/tensor-gate.ts';
import { type Manifest, type Task, versionKey } from '../repository/manifest.ts';
import type { Verification, VersionRecord } from '../repository/version-lifecycle.ts';
import { type CostCoefficients, IMAGE_PRIOR, TENSOR_PRIOR, TEXT_PRIOR } from '../scheduler/cost-model.ts';
import { type Executor, ExecutorLostError } from '../scheduler/executor.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { WorkerProcess } from '../workers/worker-process.ts';

/** A version that was read from its folder and has a pipeline. */
export interface Candidate {
  readonly record: VersionRecord;
  readonly manifest: Manifest;
  /** Null for a bare graph. */
  readonly pipeline: Pipeline | null;
}

export interface VersionVerifierOptions {
  readonly scheduler: Scheduler;
  /** Workers that serve nobody yet. */
  readonly readyWorkers: () => readonly WorkerProcess[];
  readonly versionLoaded: (versionKey: string, seconds: number) => void;
}

const PRIORS: Readonly<Record<Task, CostCoefficients>> = {
  'text-classification': TEXT_PRIOR,
  'image-classification': IMAGE_PRIOR,
  tensor: TENSOR_PRIOR,
};

/** Workers that may end during one version's verification before it is failed. */
const MAX_ATTEMPTS = 3;

/** Lets versions into the scheduler, each after its gates: loaded, golden samples, batching verdict. */
export class VersionVerifier {
  readonly #options: VersionVerifierOptions;
  /** Workers that a verification holds: between two of its batches they are idle, but not free. */
  readonly #held = new Set<WorkerProcess>();

  constructor(options: VersionVerifierOptions) {
    this.#options = options;
  }

  /** Each worker takes the next version that is not verified yet; ends with each `ready` or `failed`. */
  async verifyAll(candidates: readonly Candidate[]): Promise<void> {
    const left = candidates.filter(({ record }) => record.state === 'loading');
    for (const { record } of left) record.moveTo('verifying');
    const turn = async () => {
      for (let candidate = left.shift(); candidate !== undefined; candidate = left.shift())
        await this.#verify(candidate);
    };
    await Promise.all(this.#options.readyWorkers().map(turn));
  }

  async #verify({ record, manifest, pipeline }: Candidate): Promise<void> {
    const key = versionKey(manifest);
    for (let attempt = 1; record.state === 'verifying'; attempt++) {
      const worker = await this.#reserveWorker();
      try {
        const load = worker.loads.get(key);
        if (load === undefined || !load.ok) {
          record.fail(loadFailure(manifest, load?.message ?? 'was not loaded'));
          return;
        }
        record.loadSeconds = load.seconds;
        this.#options.versionLoaded(key, load.seconds);
        const verification = await verifyVersion(manifest, pipeline, worker);
        const batching = !['unsafe', 'off'].includes(verification.batching);
        this.#options.scheduler.addVersion(key, { batching, prior: PRIORS[manifest.task] });
        record.becomeReady(verification);
      } catch (error) {
        if (error instanceof ExecutorLostError && attempt < MAX_ATTEMPTS) continue;
        record.fail(messageOf(error));
      } finally {
        this.#held.delete(worker);
      }
    }
  }

  async #reserveWorker(): Promise<WorkerProcess> {
    for (;;) {
      const free = this.#options.readyWorkers().find((worker) => !this.#held.has(worker));
      if (free !== undefined) {
        this.#held.add(free);
        return free;
      }
      await delay(5);
    }
  }
}

function verifyVersion(manifest: Manifest, pipeline: Pipeline | null, executor: Executor): Promise<Verification> {
  if (manifest.task === 'tensor') return verifyTensors(manifest, executor);
  if (pipeline === null) throw new Error(`This is a bug: ${versionKey(manifest)} has no pipeline`);
  return verify(pipeline, executor);
}

/** The runtime's words name the file by its path, which is nobody's business. */
function loadFailure({ folder, modelFile }: Manifest, message: string): string {
  return `${modelFile.slice(folder.length + 1)}: ${message.replaceAll(`${folder}/`, '')}`;
}

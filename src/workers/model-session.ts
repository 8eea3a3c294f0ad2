import { messageOf } from '../errors.ts';
import { cpuFeatures } from './cpu-features.ts';
import { OnnxSession, RUNTIME_VERSION } from './onnx-session.ts';
import type { RunsOn, WeightsSource, WorkerModel } from './protocol.ts';
import { WeightsCache } from './weights-cache.ts';

interface OpenedSession {
  readonly session: OnnxSession;
  readonly weights: WeightsSource;
  /** Opens the same graph over the same weights for runs that nothing runs beside; null where it would gain nothing. */
  readonly openLone: (() => Promise<OnnxSession>) | null;
}

export type OpenedModel = OpenedSession & RunsOn;

type Opening = Pick<WorkerModel, 'modelFile' | 'provider' | 'cache' | 'threads' | 'loneThreads'>;

/**
 * Opens a version's graph on what is to run it, or, where that fails, on the CPU.
 * @param cudaDevice the worker's GPU.
 * @throws Error with the runtime's reason when the model cannot be run.
 */
export async function openModel(model: Opening, cudaDevice: number | null): Promise<OpenedModel> {
  if (model.provider === 'cpu') return { ...(await openOnCpu(model)), provider: 'cpu', providerProblem: null };
  try {
    if (cudaDevice === null) throw new Error('This is a bug: a worker without a GPU is to run a version on one');
    const session = await OnnxSession.loadOnCuda(model.modelFile, cudaDevice, model.threads);
    return { session, weights: 'own', openLone: null, provider: 'cuda', providerProblem: null };
  } catch (error) {
    // A file that no provider can run fails here again.
    return { ...(await openOnCpu(model)), provider: 'cpu', providerProblem: messageOf(error) };
  }
}

/**
 * With the weights that all workers of this machine share where the cache has them, else from its
 * own folder.
 * @throws Error with the runtime's reason when the model cannot be run.
 */
async function openOnCpu(opening: Opening): Promise<OpenedSession> {
  const { cache, threads, loneThreads } = opening;
  if (cache === null) return openWithOwnWeights(opening, 'own');
  const found = await (await openCache(cache.folder)).find(cache.sha256);
  if (found.state !== 'intact') return openWithOwnWeights(opening, found.state === 'damaged' ? 'damaged' : 'own');
  const { modelFile } = found;
  try {
    return {
      session: await OnnxSession.loadOptimised(modelFile, threads),
      weights: 'shared',
      openLone: loneThreads > threads ? () => OnnxSession.loadForLoneRuns(modelFile, loneThreads) : null,
    };
  } catch {
    return openWithOwnWeights(opening, 'damaged');
  }
}

/** With a copy of the weights that is this worker's own: a second session would make another one. */
async function openWithOwnWeights({ modelFile, threads }: Opening, weights: WeightsSource): Promise<OpenedSession> {
  return { session: await OnnxSession.load(modelFile, threads), weights, openLone: null };
}

/** The cache of this machine and this runtime. */
export async function openCache(folder: string): Promise<WeightsCache> {
  return new WeightsCache(folder, `${RUNTIME_VERSION} ${await cpuFeatures()}`);
}

import { messageOf } from '../errors.ts';
import { cpuFeatures } from './cpu-features.ts';
import { OnnxSession, RUNTIME_VERSION } from './onnx-session.ts';
import type { RunsOn, WeightsSource, WorkerModel } from './protocol.ts';
import { WeightsCache } from './weights-cache.ts';

interface OpenedSession {
  readonly session: OnnxSession;
  readonly weights: WeightsSource;
}

export type OpenedModel = OpenedSession & RunsOn;

type Opening = Pick<WorkerModel, 'modelFile' | 'provider' | 'cache' | 'threads'>;

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
    return { session, weights: 'own', provider: 'cuda', providerProblem: null };
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
async function openOnCpu({ modelFile, cache, threads }: Opening): Promise<OpenedSession> {
  if (cache === null) return { session: await OnnxSession.load(modelFile, threads), weights: 'own' };
  const found = await (await openCache(cache.folder)).find(cache.sha256);
  if (found.state !== 'intact') {
    return {
      session: await OnnxSession.load(modelFile, threads),
      weights: found.state === 'damaged' ? 'damaged' : 'own',
    };
  }
  try {
    return { session: await OnnxSession.loadOptimised(found.modelFile, threads), weights: 'shared' };
  } catch {
    return { session: await OnnxSession.load(modelFile, threads), weights: 'damaged' };
  }
}

/** The cache of this machine and this runtime. */
export async function openCache(folder: string): Promise<WeightsCache> {
  return new WeightsCache(folder, `${RUNTIME_VERSION} ${await cpuFeatures()}`);
}

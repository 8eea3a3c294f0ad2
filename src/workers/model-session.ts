import { cpuFeatures } from './cpu-features.ts';
import { OnnxSession, RUNTIME_VERSION } from './onnx-session.ts';
import type { WeightsSource, WorkerModel } from './protocol.ts';
import { WeightsCache } from './weights-cache.ts';

export interface OpenedModel {
  readonly session: OnnxSession;
  readonly weights: WeightsSource;
}

type Opening = Pick<WorkerModel, 'modelFile' | 'cache' | 'threads'>;

/**
 * Opens a version's graph: with the weights that all workers of this machine share where the cache has them, else from its
 * own folder.
 * @throws Error with the runtime's reason when the model cannot be run.
 */
export async function openModel({ modelFile, cache, threads }: Opening): Promise<OpenedModel> {
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

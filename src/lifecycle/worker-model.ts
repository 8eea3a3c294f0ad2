import path from 'node:path';
import { type BatchBounds, batchBoundsOn, type Config, type ExecutionProvider } from '../config.ts';
import { type Manifest, versionKey } from '../repository/manifest.ts';
import type { EncodedItem } from '../scheduler/item.ts';
import type { CollateSpec, WorkerModel } from '../workers/protocol.ts';

/**
 * What a worker needs of a version.
 * @param hasCuda whether workers have GPUs.
 */
export function workerModel(manifest: Manifest, config: Config, hasCuda: boolean): WorkerModel {
  const provider = hasCuda ? wantedProvider(manifest, config) : 'cpu';
  // What the cache holds is laid out for the CPU.
  const cacheDir = provider === 'cpu' ? config.cacheDir : null;
  return {
    provider,
    versionKey: versionKey(manifest),
    modelFile: manifest.modelFile,
    threads: config.workerThreads,
    loneThreads: config.loneThreads,
    cache: cacheDir === null ? null : { folder: path.join(cacheDir, 'weights'), sha256: manifest.provenance.sha256 },
    collate: collateSpec(manifest, config.maxImagePixels),
    outputs: manifest.task === 'tensor' ? manifest.outputs.map(({ name }) => name) : [manifest.classification.output],
    warmUp: warmUpBatches(manifest, batchBoundsOn(provider, config)),
  };
}

/**
 * What a version runs on where there are GPUs. The operator's word goes before the model's; a graph that was quantised for
 * CPUs is slower on a GPU than it is on them, and goes there only when it is told to.
 */
function wantedProvider(
  { executionProvider, needsCpuKernels }: Manifest,
  { executionProvider: setting }: Config,
): ExecutionProvider {
  if (setting === 'cpu') return 'cpu';
  if (executionProvider !== 'auto') return executionProvider;
  return setting === 'auto' && needsCpuKernels ? 'cpu' : 'cuda';
}

/** The longest text, and the widest batch of short ones. */
function warmUpBatches(manifest: Manifest, { maxBatchItems, maxBatchTokens }: BatchBounds): EncodedItem[][] {
  if (manifest.task !== 'text-classification') return [];
  const { padId, maxTokens } = manifest.text;
  const texts = (count: number, size: number): EncodedItem[] =>
    Array.from({ length: count }, () => ({ kind: 'tokens', ids: new Int32Array(size).fill(padId) }));
  const size = Math.max(1, Math.min(maxTokens, Math.floor(maxBatchTokens / maxBatchItems)));
  return manifest.batching === 'off' ? [texts(1, maxTokens)] : [texts(1, maxTokens), texts(maxBatchItems, size)];
}

function collateSpec(manifest: Manifest, maxPixels: number): CollateSpec {
  switch (manifest.task) {
    case 'text-classification': {
      const { inputNames, padId, padTypeId, paddingSide, fixedLength } = manifest.text;
      return { kind: 'tokens', inputNames, padId, padTypeId, paddingSide, fixedLength };
    }
    case 'tensor':
      return { kind: 'tensors' };
    case 'image-classification':
      return { kind: 'image', image: manifest.image, maxPixels };
  }
}

import path from 'node:path';
import type { Config } from '../config.ts';
import { type Manifest, versionKey } from '../repository/manifest.ts';
import type { EncodedItem } from '../scheduler/item.ts';
import type { CollateSpec, WorkerModel } from '../workers/protocol.ts';

/** What a worker needs of a version. */
export function workerModel(manifest: Manifest, config: Config): WorkerModel {
  const { cacheDir } = config;
  return {
    versionKey: versionKey(manifest),
    modelFile: manifest.modelFile,
    threads: config.workerThreads,
    cache: cacheDir === null ? null : { folder: path.join(cacheDir, 'weights'), sha256: manifest.provenance.sha256 },
    collate: collateSpec(manifest, config.maxImagePixels),
    outputs: manifest.task === 'tensor' ? manifest.outputs.map(({ name }) => name) : [manifest.classification.output],
    warmUp: warmUpBatches(manifest, config),
  };
}

/** The longest text, and the widest batch of short ones. */
function warmUpBatches(manifest: Manifest, { maxBatchItems, maxBatchTokens }: Config): EncodedItem[][] {
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

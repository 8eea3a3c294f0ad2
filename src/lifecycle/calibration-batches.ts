import { readFile } from 'node:fs/promises';
import type { BatchBounds } from '../config.ts';
import type { Pipeline } from '../pipelines/pipeline.ts';
import { TensorPipeline } from '../pipelines/tensor.ts';
import { probeTensors } from '../pipelines/tensor-gate.ts';
import type { ImageManifest, Manifest, TextManifest } from '../repository/manifest.ts';
import type { Verification } from '../repository/version-lifecycle.ts';
import type { EncodedItem } from '../scheduler/item.ts';

/** A version that was verified. */
export interface Calibrated {
  readonly manifest: Manifest;
  readonly verification: Verification;
  /** Null for a bare graph. */
  readonly pipeline: Pipeline | null;
}

/** Items and tokens each: short, long and wide batches, the last ones where bounds are as wide as on CUDA. */
const TEXT_SHAPES = [
  [1, 8],
  [1, 16],
  [1, 32],
  [4, 16],
  [1, 64],
  [8, 8],
  [4, 32],
  [1, 128],
  [16, 8],
  [8, 32],
  [2, 128],
  [64, 16],
  [32, 64],
  [128, 32],
  [64, 128],
] as const;
const ROWS = [1, 2, 4];

/** Batches whose time tells what others will cost, the quick ones first; those of several items only where they may run together. */
export async function calibrationBatches(
  { manifest, verification, pipeline }: Calibrated,
  limits: BatchBounds,
): Promise<EncodedItem[][]> {
  const isBatched = !['unsafe', 'off'].includes(verification.batching);
  const maxItems = isBatched ? limits.maxBatchItems : 1;
  switch (manifest.task) {
    case 'text-classification':
      return textBatches(manifest, { ...limits, maxItems });
    case 'image-classification':
      return pictureBatches(await picturesOf(manifest, pipeline), Math.min(maxItems, limits.maxBatchImages));
    case 'tensor':
      return tensorBatches(manifest, maxItems);
  }
}

/** What the tokens are does not matter to the time. */
function textBatches(
  { text: { maxTokens, padId, fixedLength } }: TextManifest,
  { maxItems, maxBatchTokens }: Pick<BatchBounds, 'maxBatchTokens'> & { maxItems: number },
): EncodedItem[][] {
  const shapes = TEXT_SHAPES.map(([count, size]) => ({ count, size: fixedLength ?? Math.min(size, maxTokens) }));
  return shapes
    .filter(({ count, size }) => count <= maxItems && (count === 1 || count * size <= maxBatchTokens))
    .map(({ count, size }) =>
      Array.from({ length: count }, () => ({ kind: 'tokens', ids: new Int32Array(size).fill(padId) })),
    );
}

/** What is measured where batches may hold as many: on CUDA. */
const WIDE_PICTURES = 8;

/** Two at most together where a CPU runs them: the runtime keeps the memory of its largest batch. */
function pictureBatches(pictures: readonly EncodedItem[], maxItems: number): EncodedItem[][] {
  const alone = pictures.map((picture) => [picture]);
  if (maxItems < 2 || pictures.length < 2) return alone;
  const wide = Array.from({ length: WIDE_PICTURES / pictures.length }, () => pictures).flat();
  return maxItems < WIDE_PICTURES ? [...alone, [...pictures]] : [...alone, [...pictures], wide];
}

/**
 * Two golden pictures of medium size, or of the built-in ones: decoding counts as well, but a cost that the largest one had
 * a part in would be nobody's, and decoding two of those at once would be what a worker's memory is remembered for.
 */
async function picturesOf({ golden }: ImageManifest, pipeline: Pipeline | null): Promise<EncodedItem[]> {
  const names = golden?.samples.flatMap(({ input }) => ('imageFile' in input ? [input.imageFile] : [])) ?? [];
  const files = await Promise.all([...new Set(names)].map((name) => readFile(name)));
  const probes = (pipeline?.probes ?? []).flatMap((input) => (input.kind === 'image' ? [input.bytes] : []));
  const bySize = (files.length > 0 ? files : probes).toSorted((a, b) => a.byteLength - b.byteLength);
  const middle = Math.floor((bySize.length - 1) / 2);
  return bySize.slice(middle, middle + 2).map((bytes) => ({ kind: 'image', bytes }));
}

function tensorBatches(manifest: Manifest, maxItems: number): EncodedItem[][] {
  const pipeline = new TensorPipeline(manifest, maxItems > 1);
  const rows = manifest.sharesFirstAxis ? ROWS : [1];
  const items = rows.map((count, at) => pipeline.encode(probeTensors(manifest.inputs, count, at + 1), null));
  const alone = items.map((item) => [item]);
  return maxItems < 2 || items.some(({ group }) => group === null) ? alone : [...alone, items];
}

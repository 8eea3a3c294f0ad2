import { readFile } from 'node:fs/promises';
import type { Config } from '../config.ts';
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

export type CalibrationLimits = Pick<Config, 'maxBatchItems' | 'maxBatchTokens'>;

/** Items and tokens each: short, long and wide batches. */
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
] as const;
const PICTURES = 4;
const ROWS = [1, 2, 4];

/** Batches whose time tells what others will cost, the quick ones first; those of several items only where they may run together. */
export async function calibrationBatches(
  { manifest, verification, pipeline }: Calibrated,
  limits: CalibrationLimits,
): Promise<EncodedItem[][]> {
  const isBatched = !['unsafe', 'off'].includes(verification.batching);
  const maxItems = isBatched ? limits.maxBatchItems : 1;
  switch (manifest.task) {
    case 'text-classification':
      return textBatches(manifest, { ...limits, maxItems });
    case 'image-classification':
      return pictureBatches(await picturesOf(manifest, pipeline), maxItems);
    case 'tensor':
      return tensorBatches(manifest, maxItems);
  }
}

/** What the tokens are does not matter to the time. */
function textBatches(
  { text: { maxTokens, padId, fixedLength } }: TextManifest,
  { maxItems, maxBatchTokens }: CalibrationLimits & { maxItems: number },
): EncodedItem[][] {
  const shapes = TEXT_SHAPES.map(([count, size]) => ({ count, size: fixedLength ?? Math.min(size, maxTokens) }));
  return shapes
    .filter(({ count, size }) => count <= maxItems && (count === 1 || count * size <= maxBatchTokens))
    .map(({ count, size }) =>
      Array.from({ length: count }, () => ({ kind: 'tokens', ids: new Int32Array(size).fill(padId) })),
    );
}

/** Two at most together: the runtime keeps the memory of its largest batch. */
function pictureBatches(pictures: readonly EncodedItem[], maxItems: number): EncodedItem[][] {
  const alone = pictures.map((picture) => [picture]);
  return maxItems < 2 || pictures.length < 2 ? alone : [...alone, pictures.slice(0, 2), pictures.slice(-2)];
}

/** Golden pictures from the smallest file to the largest, or the built-in ones: decoding counts as well. */
async function picturesOf({ golden }: ImageManifest, pipeline: Pipeline | null): Promise<EncodedItem[]> {
  const files = golden?.samples.flatMap(({ input }) => ('imageFile' in input ? [input.imageFile] : [])) ?? [];
  const all = await Promise.all([...new Set(files)].map((file) => readFile(file)));
  const bySize = all.sort((a, b) => a.byteLength - b.byteLength);
  const step = (bySize.length - 1) / (PICTURES - 1);
  const chosen = new Set(Array.from({ length: PICTURES }, (_, at) => bySize[Math.round(at * step)] ?? null));
  const pictures = [...chosen].flatMap((bytes): EncodedItem[] => (bytes === null ? [] : [{ kind: 'image', bytes }]));
  if (pictures.length > 0) return pictures;
  return (pipeline?.probes ?? []).flatMap((input): EncodedItem[] =>
    input.kind === 'image' ? [{ kind: 'image', bytes: input.bytes }] : [],
  );
}

function tensorBatches(manifest: Manifest, maxItems: number): EncodedItem[][] {
  const pipeline = new TensorPipeline(manifest, maxItems > 1);
  const rows = manifest.sharesFirstAxis ? ROWS : [1];
  const items = rows.map((count, at) => pipeline.encode(probeTensors(manifest.inputs, count, at + 1), null));
  const alone = items.map((item) => [item]);
  return maxItems < 2 || items.some(({ group }) => group === null) ? alone : [...alone, items];
}

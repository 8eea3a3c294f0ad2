import { readFile } from 'node:fs/promises';
import { versionKey } from '../repository/manifest.ts';
import type { BatchingVerdict, Verification } from '../repository/version-lifecycle.ts';
import type { BatchResult, Executor } from '../scheduler/executor.ts';
import { type EncodedItem, sizeOf } from '../scheduler/item.ts';
import type { Input, Pipeline, PredictOptions } from './pipeline.ts';

/** Thrown when a version must not get traffic; the message says what its samples showed. */
export class GoldenError extends Error {
  override readonly name = 'GoldenError';
}

interface Sample {
  readonly input: Input;
  /** The reference's, or null for a built-in probe. */
  readonly scores: readonly number[] | null;
}

/** Moves up to here are rounding: the runtime may choose other kernels for other shapes. */
const INVARIANT_MOVE = 1e-3;
/** Allowed between alone and batched where golden.json names no tolerance. */
const DEFAULT_TOLERANCE = 0.01;
const MIXED_BATCH_ITEMS = 16;
/** Padding included. The runtime keeps what its largest batch needed: these are no larger than those under traffic. */
const MIXED_BATCH_TOKENS = 512;
/** The runtime keeps what its largest batch needed: some 10 MB a picture. */
const PICTURE_BATCH_ITEMS = 2;
const OPTIONS: PredictOptions = { topK: Number.POSITIVE_INFINITY, functionToApply: null, truncate: true };

/**
 * Runs a version's golden samples, or built-in probes where it has none, each alone and all in mixed batches, on an
 * executor that serves nobody yet.
 *
 * @throws GoldenError when a score leaves its tolerance, is not a number, or the wrong number of scores comes out.
 * @throws ExecutorLostError when the worker ended meanwhile.
 */
export async function verify(pipeline: Pipeline, executor: Executor): Promise<Verification> {
  const begun = performance.now();
  const { golden, batching } = pipeline.manifest;
  const samples = await samplesOf(pipeline);
  const encoded = samples.map(({ input }) => pipeline.encode(input, OPTIONS).item);
  const key = versionKey(pipeline.manifest);
  const alone: (readonly number[])[] = [];
  for (const item of encoded) alone.push(...scoresOf(pipeline, await executor.run({ versionKey: key, items: [item] })));
  const largestError = largest(samples.map(({ scores }, at) => (scores === null ? 0 : move(scores, alone[at]))));
  const tolerance = golden?.tolerance ?? DEFAULT_TOLERANCE;
  if (largestError > tolerance) {
    throw new GoldenError(
      `a golden sample’s score is ${largestError.toFixed(4)} off its reference, ${tolerance} is allowed`,
    );
  }
  let largestBatchMove = 0;
  if (batching !== 'off') {
    for (const places of mixedBatches(encoded)) {
      const items = places.flatMap((place) => encoded[place] ?? []);
      const batched = scoresOf(pipeline, await executor.run({ versionKey: key, items }));
      const moves = places.map((place, at) => move(alone[place] ?? [], batched[at]));
      largestBatchMove = largest([largestBatchMove, ...moves]);
    }
  }
  return {
    golden: golden === null ? null : { samples: samples.length, tolerance, largestError },
    batching: batching === 'off' ? 'off' : verdictOf(largestBatchMove, tolerance),
    largestBatchMove,
    seconds: (performance.now() - begun) / 1000,
  };
}

/**
 * Places of the samples that run together. Texts run all, as each pads its neighbours. Pictures all come to the same
 * tensor, so that one batch shows what any would; the smallest files are the quickest to decode a second time.
 */
function mixedBatches(encoded: readonly EncodedItem[]): number[][] {
  const pictures = encoded.flatMap((item, place) => (item.kind === 'image' ? [{ place, item }] : []));
  if (pictures.length > 0) {
    const smallest = pictures.sort((a, b) => a.item.bytes.byteLength - b.item.bytes.byteLength);
    return [smallest.slice(0, PICTURE_BATCH_ITEMS).map(({ place }) => place)];
  }
  const batches: number[][] = [];
  let batch: number[] = [];
  let longest = 0;
  for (const [place, item] of encoded.entries()) {
    const grown = Math.max(longest, sizeOf(item));
    const isFull = batch.length === MIXED_BATCH_ITEMS || (batch.length + 1) * grown > MIXED_BATCH_TOKENS;
    // Two at least: alone they ran before.
    if (batch.length < 2 || !isFull) {
      batch.push(place);
      longest = grown;
      continue;
    }
    batches.push(batch);
    batch = [place];
    longest = sizeOf(item);
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}

async function samplesOf(pipeline: Pipeline): Promise<Sample[]> {
  const { inputKind } = pipeline;
  const { golden } = pipeline.manifest;
  if (golden === null) return pipeline.probes.map((input) => ({ input, scores: null }));
  return Promise.all(
    golden.samples.map(async ({ input: given, scores }) => {
      const input: Input =
        'text' in given
          ? { kind: 'text', text: given.text }
          : { kind: 'image', bytes: await readFile(given.imageFile) };
      if (input.kind === inputKind) return { input, scores };
      throw new GoldenError(`golden.json: the samples of this model must be of kind ${inputKind}`);
    }),
  );
}

function scoresOf(pipeline: Pipeline, { outcomes }: BatchResult): (readonly number[])[] {
  return outcomes.map((outcome) => {
    if (!outcome.ok) throw new GoldenError(`a sample could not be run: ${outcome.error.message}`);
    return pipeline.scores(outcome.output, OPTIONS);
  });
}

function verdictOf(largestMove: number, tolerance: number): BatchingVerdict {
  if (largestMove <= INVARIANT_MOVE) return 'invariant';
  return largestMove <= tolerance ? 'within_tolerance' : 'unsafe';
}

/** Largest difference of two items' scores. */
function move(a: readonly number[], b: readonly number[] | undefined): number {
  return largest(a.map((score, id) => Math.abs(score - (b?.[id] ?? Number.NaN))));
}

/** NaN counts as the largest of all. */
function largest(values: readonly number[]): number {
  return values.reduce((top, value) => (value > top || Number.isNaN(value) ? value : top), 0);
}

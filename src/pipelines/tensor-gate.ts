import { type TensorManifest, versionKey } from '../repository/manifest.ts';
import type { BatchingVerdict, Verification } from '../repository/version-lifecycle.ts';
import { type Executor, ExecutorLostError } from '../scheduler/executor.ts';
import type { ItemOutput, TensorsItem } from '../scheduler/item.ts';
import { elementCount, type Tensor, type TensorInfo, zeros } from '../tensor.ts';
import { TensorPipeline } from './tensor.ts';

/** Requests of one to four rows. */
const PROBE_ROWS = [1, 2, 1, 4];
/** What axes are set to whose length the graph leaves open. */
const OPEN_AXIS = 8;
/** Relative to the largest value of the output: beyond rounding, as the runtime may choose other kernels for other shapes. */
const INVARIANT_MOVE = 1e-3;

/**
 * Runs generated tensors through a bare graph, alone and in one batch. What a graph takes beyond types and shapes is not
 * known: one that cannot run them is served all the same, its requests one by one.
 * @throws ExecutorLostError when the worker ended meanwhile.
 */
export async function verifyTensors(manifest: TensorManifest, executor: Executor): Promise<Verification> {
  const begun = performance.now();
  const result = (batching: BatchingVerdict, largestBatchMove = 0): Verification => ({
    golden: null,
    batching,
    largestBatchMove,
    seconds: (performance.now() - begun) / 1000,
  });
  const rows = manifest.batching === 'off' ? [1] : PROBE_ROWS;
  const pipeline = new TensorPipeline(manifest, true);
  const items = rows.map((count, at) => pipeline.encode(probeTensors(manifest.inputs, count, at + 1), null));
  const alone: ItemOutput[] = [];
  for (const item of items) {
    const outputs = await runItems([item], manifest, executor);
    if (outputs === null) return result('off');
    alone.push(...outputs);
  }
  if (manifest.batching === 'off') return result('off');
  const batched = await runItems(items, manifest, executor);
  if (batched === null) return result('off');
  const largestMove = Math.max(...alone.map((output, at) => move(output, batched[at] ?? {})));
  return result(largestMove <= INVARIANT_MOVE ? 'invariant' : 'unsafe', largestMove);
}

/** Null where the graph cannot run them. */
async function runItems(
  items: readonly TensorsItem[],
  manifest: TensorManifest,
  executor: Executor,
): Promise<ItemOutput[] | null> {
  try {
    const { outcomes } = await executor.run({ versionKey: versionKey(manifest), items });
    const outputs = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.output] : []));
    return outputs.length === items.length ? outputs : null;
  } catch (error) {
    if (error instanceof ExecutorLostError) throw error;
    return null;
  }
}

/** Tensors that most graphs can run: small numbers, ids of 0 and 1. Axes of one name get one length. */
export function probeTensors(inputs: readonly TensorInfo[], rows: number, seed: number): Record<string, Tensor> {
  const lengths = new Map<string, number>();
  const lengthOf = (axis: number, symbol: string | null): number => {
    const length = (symbol === null ? undefined : lengths.get(symbol)) ?? (axis === 0 ? rows : OPEN_AXIS);
    if (symbol !== null) lengths.set(symbol, length);
    return length;
  };
  return Object.fromEntries(
    inputs.map((info) => {
      const shape = info.shape.map((size, axis) => (typeof size === 'number' ? size : lengthOf(axis, size)));
      return [info.name, probeTensor(info, shape, seed)];
    }),
  );
}

function probeTensor({ dataType }: TensorInfo, shape: readonly number[], seed: number): Tensor {
  const count = elementCount(shape);
  if (dataType === 'string')
    return { dataType, shape, data: Array.from({ length: count }, (_, at) => `text ${at * seed}`) };
  const data = zeros(dataType, count);
  let state = seed;
  for (let at = 0; at < count; at++) {
    // Park and Miller's generator.
    state = (state * 48_271) % 2_147_483_647;
    const unit = state / 2_147_483_647;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[at] = BigInt(Math.round(unit));
    // The bits of 0.5 or 0.25 as half floats.
    else if (dataType === 'float16') data[at] = unit < 0.5 ? 0x3800 : 0x3400;
    else data[at] = dataType === 'float32' || dataType === 'float64' ? unit * 2 - 1 : Math.round(unit);
  }
  return { dataType, shape, data };
}

/** Largest relative difference of two items' outputs; infinite where they are not alike. */
function move(a: ItemOutput, b: ItemOutput): number {
  const moves = Object.entries(a).map(([name, { dataType, data }]) => {
    const other = b[name]?.data;
    if (other === undefined || other.length !== data.length) return Number.POSITIVE_INFINITY;
    if (dataType !== 'float32' && dataType !== 'float64') return equal(data, other) ? 0 : Number.POSITIVE_INFINITY;
    return relativeMove(data as Float32Array, other as Float32Array);
  });
  return Math.max(0, ...moves);
}

function equal(a: Tensor['data'], b: Tensor['data']): boolean {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function relativeMove(a: Float32Array, b: Float32Array): number {
  let scale = 1;
  let largest = 0;
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at] ?? 0, b[at] ?? 0];
    if (Object.is(x, y)) continue;
    scale = Math.max(scale, Math.abs(x));
    const difference = Math.abs(x - y);
    if (!(difference <= largest)) largest = difference;
  }
  return Number.isFinite(largest) ? largest / scale : Number.POSITIVE_INFINITY;
}

import { Random } from './random.ts';

/** The value below which a share of the sorted values lies, by nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const high = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return (low + high) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2_000;

/**
 * The 95 % bootstrap interval of the median (percentile method: Efron and Tibshirani, 1993, chapter 13). With five
 * rounds it is close to the range of the values, and says so.
 */
export function bootstrapInterval(values: readonly number[], seed = 1): Interval {
  const random = new Random(seed);
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(() => random.pick(values))));
  return { low: percentile(medians, 0.025), high: percentile(medians, 0.975) };
}

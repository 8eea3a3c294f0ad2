import { Random } from './random.ts';

/**
 * Send times in ms of clients that do not know of each other: a Poisson process, its gaps exponentially distributed.
 * The same seed gives the same times.
 */
export function poissonArrivals({ rate, seconds, seed }: { rate: number; seconds: number; seed: number }): number[] {
  const random = new Random(seed);
  const arrivals: number[] = [];
  for (let at = gapMs(random, rate); at < seconds * 1000; at += gapMs(random, rate)) arrivals.push(at);
  return arrivals;
}

function gapMs(random: Random, rate: number): number {
  // 1 − u is never 0.
  return (-Math.log(1 - random.next()) / rate) * 1000;
}

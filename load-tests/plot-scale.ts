/** Maps values to places of a plot. */
export interface Scale {
  readonly place: (value: number) => number;
  /** Round values at which the axis is marked. */
  readonly ticks: readonly number[];
}

export interface ScaleOptions {
  /** Smallest and largest value to show. */
  readonly domain: readonly [number, number];
  readonly range: readonly [number, number];
}

const TICKS = 5;

/** Equal steps; the domain is widened to whole ticks. */
export function linearScale({ domain: [min, max], range: [from, to] }: ScaleOptions): Scale {
  const step = niceStep((max - min || Math.abs(max) || 1) / TICKS);
  const first = Math.floor(min / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(max / step - 1e-9));
  const [low, high] = [first * step, last * step];
  return {
    place: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12))),
  };
}

/** Equal ratios, for values above 0 that span orders of magnitude; the domain is widened to 1, 2 or 5 times a power of ten. */
export function logScale({ domain: [min, max], range: [from, to] }: ScaleOptions): Scale {
  if (!(min > 0)) throw new Error(`a logarithmic axis has no place for ${min}`);
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const digit of [1, 2, 5]) all.push(Number((digit * 10 ** power).toPrecision(12)));
  }
  const low = all.findLast((tick) => tick <= min) ?? min;
  const high = all.find((tick) => tick >= max && tick > low) ?? max;
  const span = Math.log(high / low);
  const inside = all.filter((tick) => tick >= low && tick <= high);
  return {
    place: (value) => from + (Math.log(value / low) / span) * (to - from),
    ticks: inside.length > 2 * TICKS ? inside.filter((tick) => Number.isInteger(Math.log10(tick) + 0)) : inside,
  };
}

/** The next of 1, 2 or 5 times a power of ten. */
export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return digit * power;
}

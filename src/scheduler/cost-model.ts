/** T(B, S) = base + perToken·B·S + perTokenPair·B·S², in ms of one worker, for B items padded to S tokens. */
export interface CostCoefficients {
  readonly base: number;
  readonly perToken: number;
  readonly perTokenPair: number;
}

/** Measured on a 6-layer, 384-wide encoder in per-token int8: the direction holds for other encoders until they are fitted. */
export const TEXT_PRIOR: CostCoefficients = { base: 0.35, perToken: 0.078, perTokenPair: 0.00008 };

/** A small convolutional network on one core: an item of "length" 1 costs the same in any batch. */
export const IMAGE_PRIOR: CostCoefficients = { base: 0.3, perToken: 12, perTokenPair: 0 };

/** A small graph of which nothing is known: too little rather than too much, so that nothing is refused for a guess. */
export const TENSOR_PRIOR: CostCoefficients = { base: 0.3, perToken: 0.02, perTokenPair: 0 };

/** How much of an observation's weight is left after one more: the memory is some 500 batches. */
const FORGETTING = 0.998;
/** Batches that the prior counts for. */
const PRIOR_WEIGHT = 4;
const REFIT_EVERY = 16;

type Vector = [number, number, number];

/**
 * Predicts a batch's worker time and refits itself from the batches that really ran: least squares with exponential
 * forgetting, relative errors, drawn towards the prior while there is little to go by.
 */
export class CostModel {
  #coefficients: CostCoefficients;
  readonly #matrix: [Vector, Vector, Vector] = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  readonly #target: Vector = [0, 0, 0];
  #sinceRefit = 0;

  constructor(prior: CostCoefficients) {
    this.#coefficients = prior;
    // The prior enters as batches that it predicts without error.
    for (const [count, size] of [
      [1, 8],
      [1, 128],
      [8, 16],
      [4, 64],
    ] as const) {
      this.#add(count, size, this.predict(count, size), PRIOR_WEIGHT / 4);
    }
  }

  get coefficients(): CostCoefficients {
    return this.#coefficients;
  }

  /** Worker time in ms of `count` items padded to `size` tokens. */
  predict(count: number, size: number): number {
    const { base, perToken, perTokenPair } = this.#coefficients;
    return base + count * size * (perToken + perTokenPair * size);
  }

  /** Takes in a batch that ran in `ms` of worker time. */
  observe(count: number, size: number, ms: number): void {
    if (!(ms > 0)) return;
    for (const row of this.#matrix) for (let k = 0; k < 3; k++) row[k as 0] *= FORGETTING;
    for (let k = 0; k < 3; k++) this.#target[k as 0] *= FORGETTING;
    this.#add(count, size, ms, 1);
    if (++this.#sinceRefit < REFIT_EVERY) return;
    this.#sinceRefit = 0;
    this.#coefficients = this.#fit() ?? this.#coefficients;
  }

  #add(count: number, size: number, ms: number, weight: number): void {
    const features: Vector = [1, count * size, count * size * size];
    // Relative error: a slow batch must not outvote the many short ones.
    const scale = weight / (ms * ms);
    for (const [i, row] of this.#matrix.entries()) {
      const feature = features[i as 0];
      for (let k = 0; k < 3; k++) row[k as 0] += scale * feature * features[k as 0];
      this.#target[i as 0] += scale * feature * ms;
    }
  }

  /** Non-negative least squares over three terms: a term that comes out negative is left out. */
  #fit(): CostCoefficients | null {
    let active = [0, 1, 2];
    while (active.length > 0) {
      const solution = solve(
        active.map((i) => active.map((k) => this.#matrix[i as 0][k as 0])),
        active.map((i) => this.#target[i as 0]),
      );
      if (solution === null) return null;
      const values: Vector = [0, 0, 0];
      for (const [at, index] of active.entries()) values[index as 0] = solution[at] ?? 0;
      const positive = active.filter((index) => values[index as 0] >= 0);
      if (positive.length === active.length) return { base: values[0], perToken: values[1], perTokenPair: values[2] };
      active = positive;
    }
    return null;
  }
}

/** Gauss elimination with pivoting; null where the matrix is singular. */
function solve(matrix: number[][], target: number[]): number[] | null {
  const size = target.length;
  const rows = matrix.map((row, i) => [...row, target[i] ?? 0]);
  const at = (i: number, k: number) => rows[i]?.[k] ?? 0;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let i = column + 1; i < size; i++) if (Math.abs(at(i, column)) > Math.abs(at(pivot, column))) pivot = i;
    const top = rows[pivot];
    if (top === undefined || Math.abs(at(pivot, column)) < 1e-18) return null;
    [rows[column], rows[pivot]] = [top, rows[column] ?? top];
    for (let i = 0; i < size; i++) {
      const factor = i === column ? 0 : at(i, column) / at(column, column);
      rows[i] = (rows[i] ?? []).map((value, k) => value - factor * at(column, k));
    }
  }
  return rows.map((row, i) => (row[size] ?? 0) / (row[i] ?? 1));
}

import { LeastSquares } from './least-squares.ts';

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
/** Batches that one of the calibration counts for. */
const CALIBRATION_WEIGHT = 2;
const REFIT_EVERY = 16;

/** One batch that ran. */
export interface CostObservation {
  readonly count: number;
  readonly size: number;
  readonly ms: number;
}

/** Terms of the formula, from all of them to what a version determines whose batches are all of one size. */
const BASE = 0;
const PER_TOKEN = 1;
const PER_TOKEN_PAIR = 2;
const FITS = [[BASE, PER_TOKEN, PER_TOKEN_PAIR], [BASE, PER_TOKEN], [PER_TOKEN]];

/**
 * Predicts a batch's worker time and refits itself from the batches that really ran: least squares with exponential
 * forgetting, relative errors, drawn towards the prior while there is little to go by.
 */
export class CostModel {
  #coefficients: CostCoefficients;
  #observed = new LeastSquares(3);
  #sinceRefit = 0;
  #isCalibrated = false;

  constructor(prior: CostCoefficients) {
    this.#coefficients = prior;
    // The prior enters as batches that it predicts without error.
    for (const [count, size] of [
      [1, 8],
      [1, 128],
      [8, 16],
      [4, 64],
    ] as const) {
      this.#add({ count, size, ms: this.predict(count, size) }, PRIOR_WEIGHT / 4);
    }
  }

  get coefficients(): CostCoefficients {
    return this.#coefficients;
  }

  /** Whether the prior has been replaced by what was measured on this machine. */
  get isCalibrated(): boolean {
    return this.#isCalibrated;
  }

  /** Worker time in ms of `count` items padded to `size` tokens. */
  predict(count: number, size: number): number {
    const { base, perToken, perTokenPair } = this.#coefficients;
    return base + count * size * (perToken + perTokenPair * size);
  }

  /** Takes in a batch that ran in `ms` of worker time. */
  observe(count: number, size: number, ms: number): void {
    if (!(ms > 0)) return;
    this.#observed.scale(FORGETTING);
    this.#add({ count, size, ms }, 1);
    if (++this.#sinceRefit < REFIT_EVERY) return;
    this.#sinceRefit = 0;
    this.#coefficients = this.#fit() ?? this.#coefficients;
  }

  /**
   * Puts what was measured in the place of all that was known. The prior of a model that is thirty times as slow as it
   * would outvote thousands of real batches: its relative errors are large ones.
   */
  calibrate(observations: readonly CostObservation[]): void {
    const measured = observations.filter(({ ms }) => ms > 0);
    if (measured.length === 0) return;
    this.#observed = new LeastSquares(3);
    for (const observation of measured) this.#add(observation, CALIBRATION_WEIGHT);
    this.#coefficients = this.#fit() ?? this.#coefficients;
    this.#isCalibrated = true;
  }

  #add({ count, size, ms }: CostObservation, weight: number): void {
    // Relative error: a slow batch must not outvote the many short ones.
    this.#observed.add([1, count * size, count * size * size], ms, weight / (ms * ms));
  }

  #fit(): CostCoefficients | null {
    for (const terms of FITS) {
      const values = this.#observed.solve(terms);
      if (values === null) continue;
      const [base = 0, perToken = 0, perTokenPair = 0] = values;
      return { base, perToken, perTokenPair };
    }
    return null;
  }
}

/** A pivot below this share of the largest is rounding: the terms are not independent in what was added. */
const MIN_PIVOT = 1e-9;

/** Weighted linear least squares over a few terms, kept as its normal equations: one row a term, the target behind it. */
export class LeastSquares {
  readonly #rows: readonly number[][];

  constructor(terms: number) {
    this.#rows = Array.from({ length: terms }, () => new Array<number>(terms + 1).fill(0));
  }

  /** Takes in an observation: `value` where the terms were `features`. */
  add(features: readonly number[], value: number, weight: number): void {
    for (const [i, row] of this.#rows.entries()) {
      const share = weight * (features[i] ?? 0);
      for (let k = 0; k < row.length; k++) row[k] = (row[k] ?? 0) + share * (features[k] ?? value);
    }
  }

  /** Multiplies the weight of all that was added so far. */
  scale(factor: number): void {
    for (const row of this.#rows) for (let k = 0; k < row.length; k++) row[k] = (row[k] ?? 0) * factor;
  }

  /**
   * Non-negative solution over some of the terms: one that comes out negative is left out. The others are 0.
   * @returns null where what was added does not determine these terms.
   */
  solve(terms: readonly number[]): number[] | null {
    let active = terms;
    while (active.length > 0) {
      const solution = this.#solveExactly(active);
      if (solution === null || active.every((term) => (solution[term] ?? 0) >= 0)) return solution;
      active = active.filter((term) => (solution[term] ?? 0) >= 0);
    }
    return null;
  }

  /** Gauss elimination with pivoting; the terms are brought to one scale first. */
  #solveExactly(active: readonly number[]): number[] | null {
    const at = (i: number, k: number) => this.#rows[i]?.[k] ?? 0;
    const scales = active.map((term) => Math.sqrt(at(term, term)));
    if (!scales.every((scale) => scale > 0)) return null;
    const target = this.#rows.length;
    const rows = active.map((i, row) => [
      ...active.map((k, column) => at(i, k) / ((scales[row] ?? 1) * (scales[column] ?? 1))),
      at(i, target) / (scales[row] ?? 1),
    ]);
    for (let column = 0; column < active.length; column++) {
      const pivot = rows.reduce((best, row, i) => (i >= column && size(row) > size(rows[best]) ? i : best), column);
      function size(row: readonly number[] | undefined): number {
        return Math.abs(row?.[column] ?? 0);
      }
      const top = rows[pivot];
      if (top === undefined || size(top) < MIN_PIVOT) return null;
      [rows[column], rows[pivot]] = [top, rows[column] ?? top];
      for (const [i, row] of rows.entries()) {
        if (i === column) continue;
        const factor = (row[column] ?? 0) / (top[column] ?? 1);
        for (let k = column; k < row.length; k++) row[k] = (row[k] ?? 0) - factor * (top[k] ?? 0);
      }
    }
    const values = new Array<number>(target).fill(0);
    for (const [row, term] of active.entries()) {
      values[term] = (rows[row]?.at(-1) ?? 0) / (rows[row]?.[row] ?? 1) / (scales[row] ?? 1);
    }
    return values;
  }
}

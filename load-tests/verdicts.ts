/** What a run must show: each bound is printed with what was measured, and one that does not hold fails the process. */
export class Verdicts {
  #failed = 0;

  /** @param measured as it is shown, with its unit. */
  check(what: string, holds: boolean, measured: string): void {
    console.log(`${holds ? 'ok    ' : 'FAILED'}  ${what}: ${measured}`);
    if (!holds) this.#failed += 1;
  }

  /** A bound of the clock: printed in any case, failed only where it counts. */
  checkTime(what: string, holds: boolean, { measured, counts }: { measured: string; counts: boolean }): void {
    if (counts) this.check(what, holds, measured);
    else console.log(`${holds ? 'ok    ' : 'noted '}  ${what}: ${measured}`);
  }

  /** To be called last. */
  end(): void {
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }
}

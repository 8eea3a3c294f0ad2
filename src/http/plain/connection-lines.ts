const CLOSE = 'connection: close\r\n';
const SECOND_MS = 1_000;

/** The lines of an answer's head that node:http would add: they are the same for all answers of a second. */
export class ConnectionLines {
  readonly #keepAlive: string;
  #second = Number.NaN;
  #date = '';

  /** @param keepAliveTimeoutMs how long a connection is kept that nothing more is asked on. */
  constructor(keepAliveTimeoutMs: number) {
    this.#keepAlive = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(keepAliveTimeoutMs / SECOND_MS)}\r\n`;
  }

  /** @param isLast whether the connection ends with the answer. */
  of(isLast: boolean): string {
    const second = Math.floor(Date.now() / SECOND_MS);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = `date: ${new Date(second * SECOND_MS).toUTCString()}\r\n`;
    }
    return this.#date + (isLast ? CLOSE : this.#keepAlive);
  }
}

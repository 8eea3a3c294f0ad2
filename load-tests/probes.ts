import { setTimeout as delay } from 'node:timers/promises';
import { HttpConnection } from './http-connection.ts';
import { getBytes } from './http-request.ts';

const HOST = '127.0.0.1';
const EVERY_MS = 50;

/** Asks a server for its health all the time. */
export class HealthProbe {
  readonly #port: number;
  readonly #path: string;
  #isStopped = false;
  #maxMs = 0;

  constructor(port: number, path: string) {
    this.#port = port;
    this.#path = path;
    void this.#ask();
  }

  /** The longest that an answer took; an answer that never came counts as infinite. */
  get maxMs(): number {
    return this.#maxMs;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #ask(): Promise<void> {
    const connection = new HttpConnection({ host: HOST, port: this.#port });
    while (!this.#isStopped) {
      const begun = performance.now();
      try {
        await connection.send(getBytes(this.#path, { host: HOST, port: this.#port, closes: false }));
        this.#maxMs = Math.max(this.#maxMs, performance.now() - begun);
      } catch {
        this.#maxMs = Number.POSITIVE_INFINITY;
        break;
      }
      await delay(EVERY_MS);
    }
    connection.close();
  }
}

const NORMAL_MS = 100;
/** So many normal answers in a row are the end of an overload. */
const IN_A_ROW = 5;
const GIVE_UP_SECONDS = 15;

/**
 * Seconds after an overload until answers are normal again (within 100 ms, five in a row), on a new connection each:
 * those are what a user comes with. 15 where it takes longer.
 */
export async function recoverySeconds(
  { host, port }: { host: string; port: number },
  bytes: (closes: boolean, at: number) => Buffer,
): Promise<number> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  let inARow = 0;
  let normalSince = 0;
  for (let at = 0; seconds() < GIVE_UP_SECONDS; at++) {
    const sentAt = seconds();
    const connection = new HttpConnection({ host, port });
    const timer = setTimeout(() => connection.close(), 1_000);
    const status = await connection.send(bytes(true, at)).then(
      (answer) => answer.status,
      () => 0,
    );
    clearTimeout(timer);
    connection.close();
    const isNormal = status === 200 && (seconds() - sentAt) * 1000 <= NORMAL_MS;
    if (isNormal && inARow === 0) normalSince = sentAt;
    inARow = isNormal ? inARow + 1 : 0;
    if (inARow === IN_A_ROW) return normalSince;
    await delay(EVERY_MS);
  }
  return GIVE_UP_SECONDS;
}

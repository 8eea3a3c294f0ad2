import { setTimeout as delay } from 'node:timers/promises';
import { HttpConnection } from './http-connection.ts';

const EVERY_MS = 50;
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

import { setTimeout as delay } from 'node:timers/promises';
import { HttpConnection } from './http-connection.ts';

const EVERY_MS = 50;
const NORMAL_MS = 100;
/** So many normal answers in a row are the end of an overload. */
const IN_A_ROW = 5;
const GIVE_UP_SECONDS = 15;

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RecoveryOptions {
  readonly address: Address;
  /** A connection that was open before the overload; null sends each request on a new one, as a new user comes. */
  readonly kept: HttpConnection | null;
  readonly bytes: (closes: boolean, at: number) => Buffer;
}

/**
 * Seconds after an overload until answers are normal again: within 100 ms, five in a row. 15 where it takes longer, or
 * where the connection that was kept is closed.
 */
export async function recoverySeconds({ address, kept, bytes }: RecoveryOptions): Promise<number> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  let inARow = 0;
  let normalSince = 0;
  for (let at = 0; seconds() < GIVE_UP_SECONDS && (kept?.isOpen ?? true); at++) {
    const sentAt = seconds();
    const status = await (kept === null ? ask(address, bytes(true, at)) : answerOf(kept, bytes(false, at)));
    const isNormal = status === 200 && (seconds() - sentAt) * 1000 <= NORMAL_MS;
    if (isNormal && inARow === 0) normalSince = sentAt;
    inARow = isNormal ? inARow + 1 : 0;
    if (inARow === IN_A_ROW) return normalSince;
    await delay(EVERY_MS);
  }
  return GIVE_UP_SECONDS;
}

async function ask(address: Address, request: Buffer): Promise<number> {
  const connection = new HttpConnection(address);
  const timer = setTimeout(() => connection.close(), 1_000);
  const status = await answerOf(connection, request);
  clearTimeout(timer);
  connection.close();
  return status;
}

/** 0 where the connection breaks. */
function answerOf(connection: HttpConnection, request: Buffer): Promise<number> {
  return connection.send(request).then(
    ({ status }) => status,
    () => 0,
  );
}

import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

/**
 * A write for each line would cost more than all else that the main process does for a request. But each line is put behind
 * those that wait by copying them (sonic-boom 4.2), so that many cost as well.
 */
const BUFFERED = { dest: 1, sync: false, minLength: 4_096, periodicFlush: 100 };

/** How long the last lines may take to be written. */
const MAX_FLUSH_MS = 1_000;

/** Lines for people on a terminal, JSON for machines otherwise. Inputs are never logged. */
export function createLogger({ logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>): Logger {
  const pretty = logFormat === 'pretty' || (logFormat === 'auto' && process.stdout.isTTY);
  const options = { level: logLevel, base: null };
  if (!pretty) return pino(options, pino.destination(BUFFERED));
  return pino({
    ...options,
    transport: {
      target: 'pino-pretty',
      options: {
        translateTime: 'SYS:HH:MM:ss.l',
        ignore: 'hostname,pid',
        singleLine: true,
        colorize: process.stdout.isTTY,
      },
    },
  });
}

/**
 * Writes what is buffered; to be called before the process ends. What is left then is written without a pause at the exit
 * itself, which never ends where nobody reads any more: sonic-boom tries again for ever after EPIPE (4.2).
 */
export async function flushed(logger: Logger): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  logger.flush(() => resolve());
  await Promise.race([promise, delay(MAX_FLUSH_MS)]);
}

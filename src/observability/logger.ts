import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

/** A write for each line would cost more than all else that the main process does for a request. */
const BUFFERED = { dest: 1, sync: false, minLength: 16_000, periodicFlush: 100 };

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

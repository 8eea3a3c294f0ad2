import { z } from 'zod';

/** What a variable may hold, and what it is good for. */
export interface Setting<Schema extends z.ZodType> {
  /** Parses the text of the environment variable. */
  readonly schema: Schema;
  /** Used when the variable is not set; a text where the value is worked out on the machine. */
  readonly fallback: string;
  readonly unit: string;
  readonly reason: string;
}

export function setting<Schema extends z.ZodType>(
  schema: Schema,
  unit: string,
  fallback: string | number,
  reason: string,
): Setting<Schema> {
  return { schema, unit, fallback: String(fallback), reason };
}

export const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

export const flag = z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true');

/** `auto`, where the value is worked out from the machine or the model, or a whole number. */
export const autoOr = (min: number, max: number) =>
  z.union([z.literal('auto'), whole(min, max)], `must be auto or a whole number from ${min} to ${max}`);

export const offOrPort = z
  .string()
  .regex(/^(off|\d{1,5})$/, 'must be off or a port')
  .transform((text) => (text === 'off' ? null : Number(text)))
  .refine((port) => port === null || port <= 65_535, 'must be at most 65535');

/** A text that may be left empty. */
export const optional = z.string().transform((text) => (text === '' ? null : text));

/** Origins as browsers send them: a scheme, a host and perhaps a port. */
export const origins = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
  )
  .refine(
    (list) => list.every((origin) => origin === '*' || /^https?:\/\/[^\s/*]+$/.test(origin)),
    'must be origins such as https://app.example.com, separated by commas, or *',
  );

/** From 0 to 1. */
export const share = z
  .string()
  .regex(/^(0|1|[01]?\.\d+)$/, 'must be a number from 0 to 1')
  .transform(Number)
  .pipe(z.number().max(1, 'must be at most 1'));

import { hash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** What a key may be good for. `read`: what is loaded, its metadata and statistics. */
export const SCOPES = ['predict', 'read', 'metrics'] as const;

export type Scope = (typeof SCOPES)[number];

export const QUOTA_SECONDS = { minute: 60, hour: 3_600, day: 86_400 } as const;

/** Recognisable where it should not be, as in a repository: scanners for secrets look for prefixes. */
const PREFIX = 'serval_';
/** 256 bits of chance: guessing a key, or inverting its SHA-256, is out of reach, so that no slow hash has to make up for it. */
const KEY_BYTES = 32;

/** A client's key as the server knows it: never the key itself. */
export interface ApiKey {
  /** The operator's name for the client; stands in logs and metrics. */
  readonly name: string;
  /** SHA-256 of the key. */
  readonly digest: Buffer;
  /** Time of Date.now(); null for never. */
  readonly expiresAtMs: number | null;
  readonly scopes: ReadonlySet<Scope>;
  /** Names of the only models that it may use; null for all. */
  readonly models: ReadonlySet<string> | null;
  readonly rate: Rate | null;
  readonly quota: Quota | null;
}

export interface Rate {
  readonly perSecond: number;
  /** Requests that may come at once, after a pause. */
  readonly burst: number;
}

export interface Quota {
  readonly requests: number;
  readonly windowSeconds: number;
}

/** Makes a key that nobody has: `serval_` and 43 characters of base64url. */
export function createKey(): string {
  return `${PREFIX}${randomBytes(KEY_BYTES).toString('base64url')}`;
}

/** SHA-256: the time that it takes depends on the length of the key, which the client knows, and on nothing else. */
export function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

const instant = z
  .union(
    [z.iso.date(), z.iso.datetime({ offset: true })],
    'must be a date, 2027-01-31, or a time, 2027-01-31T18:00:00Z',
  )
  .transform((text) => Date.parse(text));

/** A line of the key file, or of SERVAL_API_KEYS. */
export const apiKeySchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9, ".", "_" and "-"'),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
    expires: instant.optional(),
    scopes: z.array(z.enum(SCOPES)).min(1).default(['predict', 'read']),
    models: z.array(z.string().min(1)).min(1).optional(),
    rate: z
      .strictObject({ per_second: z.number().positive().max(1e6), burst: z.int().min(1).max(1e6).optional() })
      .optional(),
    quota: z.strictObject({ requests: z.int().min(1), per: z.enum(['minute', 'hour', 'day']) }).optional(),
  })
  .transform(
    ({ name, sha256, expires, scopes, models, rate, quota }): ApiKey => ({
      name,
      digest: Buffer.from(sha256, 'hex'),
      expiresAtMs: expires ?? null,
      scopes: new Set(scopes),
      models: models === undefined ? null : new Set(models),
      rate: rate === undefined ? null : { perSecond: rate.per_second, burst: rate.burst ?? Math.ceil(rate.per_second) },
      quota: quota === undefined ? null : { requests: quota.requests, windowSeconds: QUOTA_SECONDS[quota.per] },
    }),
  );

/** A line as it is written. */
export type ApiKeyLine = z.input<typeof apiKeySchema>;

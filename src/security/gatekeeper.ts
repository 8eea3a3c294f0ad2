import { type ErrorCode, ServalError } from '../errors.ts';
import type { ApiKey, Scope } from './api-key.ts';
import type { Client, KeyRing } from './key-ring.ts';
import type { RequestLimit } from './request-limit.ts';

/** Stands for the model of a request that is about all of them, such as a list. */
export const EVERY_MODEL = Symbol('every model');

/** What a request wants, whatever protocol it comes by. */
export interface Asked {
  /** The key that it brings; null for none. */
  readonly presented: string | null;
  readonly scope: Scope;
  /** The model that its path or message names; null where none is named there. */
  readonly model: string | typeof EVERY_MODEL | null;
  /** False for the beginning of a stream: each of its messages counts. */
  readonly counts: boolean;
}

export type Decision =
  | { readonly admitted: true; readonly client: Client }
  /** `client` is null where the key is nobody's. */
  | { readonly admitted: false; readonly client: Client | null; readonly error: ServalError };

export type KeyOutcome = 'admitted' | 'expired' | 'wrong_scope' | 'wrong_model' | 'rate_limited' | 'over_quota';

/** Hears of each use of a key; never of one that is nobody's. */
export interface KeyObserver {
  keyUsed(name: string, outcome: KeyOutcome): void;
}

const OUTCOMES: Readonly<Partial<Record<ErrorCode, KeyOutcome>>> = {
  SERVAL_KEY_EXPIRED: 'expired',
  SERVAL_KEY_SCOPE: 'wrong_scope',
  SERVAL_KEY_MODEL: 'wrong_model',
  SERVAL_RATE_LIMITED: 'rate_limited',
  SERVAL_QUOTA_EXCEEDED: 'over_quota',
};

/** Decides who may do what. */
export class Gatekeeper {
  readonly #ring: () => KeyRing;
  readonly #observer: KeyObserver;
  readonly #now: () => number;

  /** @param ring the keys as they are now: their file may be read again at any time. */
  constructor(ring: () => KeyRing, observer: KeyObserver, now: () => number = Date.now) {
    this.#ring = ring;
    this.#observer = observer;
    this.#now = now;
  }

  admit(asked: Asked): Decision {
    const { presented } = asked;
    if (presented === null) return refused(null, missingKey());
    const client = this.#ring().find(presented);
    if (client === null) return refused(null, new ServalError('SERVAL_KEY_UNKNOWN', 'The API key is not known here.'));
    const error = this.#objection(client.key, asked) ?? (asked.counts ? this.#count(client) : null);
    if (asked.counts || error !== null) this.#tell(client, error);
    return error === null ? { admitted: true, client } : refused(client, error);
  }

  /** Whether there is such a key, for this: its limits are not looked at, nothing is counted. */
  knows({ presented, ...asked }: Omit<Asked, 'counts'>): boolean {
    const client = presented === null ? null : this.#ring().find(presented);
    return client !== null && this.#objection(client.key, asked) === null;
  }

  /** A message of a call that was admitted. @returns what stands against it; null where nothing does. */
  admitMessage(client: Client, { model, counts }: Pick<Asked, 'model' | 'counts'>): ServalError | null {
    const error = modelObjection(client.key, model) ?? (counts ? this.#count(client) : null);
    if (counts || error !== null) this.#tell(client, error);
    return error;
  }

  /** RateLimit-Policy and RateLimit of a client; null where it has no limits. */
  limitFields({ limits }: Client): { readonly policy: string; readonly state: string } | null {
    if (limits.length === 0) return null;
    const nowMs = this.#now();
    return {
      policy: limits.map(({ policy }) => policy).join(', '),
      state: limits.map((limit) => stateOf(limit, nowMs)).join(', '),
    };
  }

  #objection(key: ApiKey, { scope, model }: Pick<Asked, 'scope' | 'model'>): ServalError | null {
    const { name, expiresAtMs, scopes } = key;
    if (expiresAtMs !== null && this.#now() >= expiresAtMs) {
      return new ServalError('SERVAL_KEY_EXPIRED', `The API key "${name}" has expired; ask for a new one.`);
    }
    if (!scopes.has(scope)) {
      const message = `The API key "${name}" is not for this route; it would have to have the scope "${scope}".`;
      return new ServalError('SERVAL_KEY_SCOPE', message, { details: { scope } });
    }
    return modelObjection(key, model);
  }

  #tell({ key }: Client, error: ServalError | null): void {
    const outcome = error === null ? 'admitted' : OUTCOMES[error.code];
    if (outcome !== undefined) this.#observer.keyUsed(key.name, outcome);
  }

  /** Counts a request, where all limits let it pass. */
  #count({ key, limits }: Client): ServalError | null {
    if (limits.length === 0) return null;
    const nowMs = this.#now();
    const exhausted = limits.find((limit) => limit.remaining(nowMs) === 0);
    if (exhausted !== undefined) return limitError(key.name, exhausted, nowMs);
    for (const limit of limits) limit.take(nowMs);
    return null;
  }
}

/**
 * The model that a request is for, where it names one in its body or none at all: a key of one model needs not name it.
 * @throws ServalError SERVAL_KEY_MODEL
 */
export function grantedModel(key: ApiKey, named: string | null): string | null {
  if (key.models === null) return named;
  if (named === null && key.models.size === 1) return [...key.models][0] ?? null;
  if (named === null) {
    throw new ServalError(
      'SERVAL_KEY_MODEL',
      `The API key "${key.name}" is for some models only; name one in "model".`,
    );
  }
  const objection = modelObjection(key, named);
  if (objection !== null) throw objection;
  return named;
}

/** A model's bare graph belongs to it. */
function modelObjection({ name, models }: ApiKey, model: Asked['model']): ServalError | null {
  if (models === null || model === null) return null;
  if (model === EVERY_MODEL) {
    return new ServalError('SERVAL_KEY_MODEL', `The API key "${name}" is for some models only; ask for one of them.`);
  }
  if (models.has(model.replace(/\.graph$/, ''))) return null;
  return new ServalError('SERVAL_KEY_MODEL', `The API key "${name}" is not for this model.`);
}

function refused(client: Client | null, error: ServalError): Decision {
  return { admitted: false, client, error };
}

function missingKey(): ServalError {
  return new ServalError(
    'SERVAL_KEY_MISSING',
    'Send an API key as "Authorization: Bearer <key>" or "X-API-Key: <key>".',
  );
}

function limitError(name: string, limit: RequestLimit, nowMs: number): ServalError {
  const retryAfterSeconds = limit.resetSeconds(nowMs);
  return limit.name === 'rate'
    ? new ServalError('SERVAL_RATE_LIMITED', `The API key "${name}" sends requests too fast.`, { retryAfterSeconds })
    : new ServalError('SERVAL_QUOTA_EXCEEDED', `The API key "${name}" has used up its quota.`, { retryAfterSeconds });
}

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ */
function stateOf(limit: RequestLimit, nowMs: number): string {
  return `"${limit.name}";r=${limit.remaining(nowMs)};t=${limit.resetSeconds(nowMs)}`;
}

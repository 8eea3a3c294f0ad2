import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type ApiKey, digestOf } from './api-key.ts';
import { QuotaLimit, RateLimit, type RequestLimit } from './request-limit.ts';

/** Who a key belongs to, and what of its limits is used. */
export interface Client {
  readonly key: ApiKey;
  readonly limits: readonly RequestLimit[];
}

/**
 * The keys that the server knows.
 *
 * A lookup takes the same time whatever is presented, as far as that could tell anything: it hashes, finds by digest and
 * compares digests, for a known key as for an unknown one. The time of the finding depends on digests alone, and a
 * digest is of no use to whoever learns it: to get in takes a key that has it, and no way to one is shorter than guessing
 * 256 bits. A key that differs in one character has another digest altogether, so that a near miss is no nearer.
 */
export class KeyRing {
  readonly #clients = new Map<string, Client>();
  /** Compared with where no key has the digest; a key to it is not known to anybody. */
  readonly #nobody = randomBytes(32);

  /** @param before whose used limits are taken over: a file that is read again gives nobody more. */
  constructor(keys: readonly ApiKey[], before: KeyRing | null = null) {
    for (const key of keys) {
      const known = before?.ofDigest(key.digest) ?? null;
      const limits = known !== null && sameLimits(known.key, key) ? known.limits : limitsOf(key);
      this.#clients.set(key.digest.toString('latin1'), { key, limits });
    }
  }

  get size(): number {
    return this.#clients.size;
  }

  /** @returns null where nobody has the key. */
  find(presented: string): Client | null {
    const digest = digestOf(presented);
    const client = this.ofDigest(digest);
    return timingSafeEqual(digest, client?.key.digest ?? this.#nobody) ? client : null;
  }

  ofDigest(digest: Buffer): Client | null {
    return this.#clients.get(digest.toString('latin1')) ?? null;
  }
}

function limitsOf({ rate, quota }: ApiKey): RequestLimit[] {
  return [...(rate === null ? [] : [new RateLimit(rate)]), ...(quota === null ? [] : [new QuotaLimit(quota)])];
}

function sameLimits(a: ApiKey, b: ApiKey): boolean {
  return JSON.stringify([a.rate, a.quota]) === JSON.stringify([b.rate, b.quota]);
}

import { timingSafeEqual } from 'node:crypto';
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
 * compares digests, for a key that is known as for one that is not. The time of the finding depends on digests alone, and
 * a digest is of no use to whoever learns it: to get in takes a key that has it, and no way to one is shorter than
 * guessing 256 bits. A key that differs in one character has another digest altogether: a near miss is no nearer.
 */
export class KeyRing {
  readonly #byDigest = new Map<string, Client>();
  readonly #clients: readonly Client[];

  /** @param before whose used limits are taken over: a file that is read again gives nobody more. */
  constructor(keys: readonly ApiKey[], before: KeyRing | null = null) {
    for (const key of keys) {
      const known = before === null ? undefined : before.#byDigest.get(nameOf(key.digest));
      const limits = known !== undefined && sameLimits(known.key, key) ? known.limits : limitsOf(key);
      this.#byDigest.set(nameOf(key.digest), { key, limits });
    }
    this.#clients = [...this.#byDigest.values()];
  }

  get size(): number {
    return this.#clients.length;
  }

  /** @returns null where nobody has the key. */
  find(presented: string): Client | null {
    const digest = digestOf(presented);
    // Where no key has the digest another client's is compared, so that both ways go through the same memory.
    const client = this.#byDigest.get(nameOf(digest)) ?? this.#clients[digest.readUInt32LE(0) % this.#clients.length];
    return client !== undefined && timingSafeEqual(digest, client.key.digest) ? client : null;
  }
}

/** A digest as a key of a map: one character a byte. */
function nameOf(digest: Buffer): string {
  return digest.toString('latin1');
}

function limitsOf({ rate, quota }: ApiKey): RequestLimit[] {
  return [...(rate === null ? [] : [new RateLimit(rate)]), ...(quota === null ? [] : [new QuotaLimit(quota)])];
}

function sameLimits(a: ApiKey, b: ApiKey): boolean {
  return JSON.stringify([a.rate, a.quota]) === JSON.stringify([b.rate, b.quota]);
}

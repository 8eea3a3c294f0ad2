const BEARER = /^Bearer +(\S+)$/i;

/** What carries a key, by any transport. */
export interface KeyFields {
  readonly authorization: string | undefined;
  readonly apiKey: string | undefined;
}

/** The key that a request brings; X-API-Key counts where it brings both, since a proxy may want Authorization for itself. */
export function presentedKey({ authorization, apiKey }: KeyFields): string | null {
  if (apiKey !== undefined && apiKey !== '') return apiKey;
  return authorization === undefined ? null : (BEARER.exec(authorization)?.[1] ?? null);
}

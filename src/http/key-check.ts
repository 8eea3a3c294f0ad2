import type { ServalError } from '../errors.ts';
import type { PredictRequest } from '../pipelines/predictor.ts';
import { type Asked, type Gatekeeper, grantedModel } from '../security/gatekeeper.ts';
import type { Client } from '../security/key-ring.ts';
import { presentedKey } from '../security/presented-key.ts';
import type { RequestHead } from './plain/plain-request.ts';

/** What came of a request's API key. */
export interface KeyCheck {
  /** Whose key it is; null where it is nobody's. */
  readonly client: Client | null;
  /** Why it is not let in; null where it is. */
  readonly error: ServalError | null;
  /** What the answer says of the key, whatever else it is. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Asks for the key that the headers bring; a request that is let in has been counted. */
export function checkKey(
  gatekeeper: Gatekeeper,
  headers: RequestHead['headers'],
  asked: Pick<Asked, 'scope' | 'model'>,
): KeyCheck {
  const decision = gatekeeper.admit({ ...asked, presented: keyOf(headers), counts: true });
  const { client } = decision;
  const error = decision.admitted ? null : decision.error;
  return { client, error, headers: { ...limitsOf(gatekeeper, client), ...challengeOf(error) } };
}

/** Whether the headers bring a key for it, limits aside: nothing is counted, and nobody is told. */
export function isKeyKnown(
  gatekeeper: Gatekeeper,
  headers: RequestHead['headers'],
  asked: Pick<Asked, 'scope' | 'model'>,
): boolean {
  return gatekeeper.knows({ ...asked, presented: keyOf(headers) });
}

/**
 * What its client may ask for; null where no key was asked for. Where the path names a model, the check has looked; a body
 * may name it, or leave it to the key.
 * @throws ServalError SERVAL_KEY_MODEL
 */
export function grantedTo(client: Client | null, asked: PredictRequest): PredictRequest {
  return client === null ? asked : { ...asked, model: grantedModel(client.key, asked.model) };
}

function keyOf({ authorization, 'x-api-key': apiKey }: RequestHead['headers']): string | null {
  return presentedKey({ authorization: firstOf(authorization), apiKey: firstOf(apiKey) });
}

function firstOf(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field[0] : field;
}

function limitsOf(gatekeeper: Gatekeeper, client: Client | null): Record<string, string> {
  const fields = client === null ? null : gatekeeper.limitFields(client);
  return fields === null ? {} : { 'ratelimit-policy': fields.policy, ratelimit: fields.state };
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3 */
function challengeOf(error: ServalError | null): Record<string, string> {
  switch (error?.code) {
    case 'SERVAL_KEY_MISSING':
      return { 'www-authenticate': 'Bearer' };
    case 'SERVAL_KEY_UNKNOWN':
    case 'SERVAL_KEY_EXPIRED':
      return { 'www-authenticate': 'Bearer error="invalid_token"' };
    case 'SERVAL_KEY_SCOPE':
    case 'SERVAL_KEY_MODEL':
      return { 'www-authenticate': 'Bearer error="insufficient_scope"' };
    default:
      return {};
  }
}

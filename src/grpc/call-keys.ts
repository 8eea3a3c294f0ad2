import type { ServalError } from '../errors.ts';
import type { Scope } from '../security/api-key.ts';
import { type Asked, EVERY_MODEL, type Gatekeeper } from '../security/gatekeeper.ts';
import type { Client } from '../security/key-ring.ts';
import { presentedKey } from '../security/presented-key.ts';
import type { CallMetadata } from './call-metadata.ts';
import { MALFORMED, RefusedMessage } from './call-runner.ts';

/** What each method asks for. Health, and the management methods with their own token, ask for no key. */
const SCOPES: Readonly<Record<string, Scope>> = {
  ServerMetadata: 'read',
  ModelMetadata: 'read',
  ModelStatistics: 'read',
  RepositoryIndex: 'read',
  ModelInfer: 'predict',
  ModelStreamInfer: 'predict',
};

/** What the key of a call allows. */
export type CallKey =
  | { readonly error: ServalError }
  | { readonly error: null; readonly check: (message: object) => object };

/**
 * Asks for an API key as soon as a call's metadata is there, before its message is read.
 * @param method of the inference service.
 * @param requestStream whether each of its messages counts, instead of the call.
 * @returns null where none is asked for; `check` stands a refusal in for a message that the key does not allow.
 */
export function keyOfCall(
  gatekeeper: Gatekeeper,
  { method, requestStream, metadata }: { method: string; requestStream: boolean; metadata: CallMetadata },
): CallKey | null {
  const scope = SCOPES[method];
  if (scope === undefined) return null;
  const presented = presentedKey({
    authorization: metadata.get('authorization'),
    apiKey: metadata.get('x-api-key'),
  });
  const decision = gatekeeper.admit({ presented, scope, model: null, counts: !requestStream });
  if (!decision.admitted) return { error: decision.error };
  return { error: null, check: (message) => checked(gatekeeper, decision.client, { method, requestStream, message }) };
}

function checked(
  gatekeeper: Gatekeeper,
  client: Client,
  { method, requestStream, message }: { method: string; requestStream: boolean; message: object },
): object {
  if (message === MALFORMED) return message;
  const error = gatekeeper.admitMessage(client, { model: modelOf(method, message), counts: requestStream });
  return error === null ? message : new RefusedMessage(error, message);
}

/** The model that a message names; lists, and statistics of no model, are about all. */
function modelOf(method: string, message: object): Asked['model'] {
  if (method === 'RepositoryIndex') return EVERY_MODEL;
  const { name, model_name: modelName = name } = message as { readonly name?: string; readonly model_name?: string };
  if (method === 'ModelStatistics' && (name ?? '') === '') return EVERY_MODEL;
  return modelName ?? null;
}

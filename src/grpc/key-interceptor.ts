import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerListener,
  type ServerMethodDefinition,
} from '@grpc/grpc-js';
import type { ServalError } from '../errors.ts';
import type { Scope } from '../security/api-key.ts';
import { type Asked, EVERY_MODEL, type Gatekeeper } from '../security/gatekeeper.ts';
import type { Client } from '../security/key-ring.ts';
import { presentedKey } from '../security/presented-key.ts';
import { RefusedMessage } from './call-runner.ts';
import { serviceError } from './grpc-status.ts';

const SERVICE = '/inference.GRPCInferenceService/';

/** What each method asks for. Health, and the management methods with their own token, ask for no key. */
const SCOPES: Readonly<Record<string, Scope>> = {
  ServerMetadata: 'read',
  ModelMetadata: 'read',
  ModelStatistics: 'read',
  RepositoryIndex: 'read',
  ModelInfer: 'predict',
  ModelStreamInfer: 'predict',
};

export interface KeyInterceptorOptions {
  readonly gatekeeper: Gatekeeper;
  /** Hears of a call that ends before any handler sees it. */
  readonly refused: (method: string, error: ServalError) => void;
}

/** Asks for an API key as soon as a call's metadata is there, before its message is read. */
export function keyInterceptor({ gatekeeper, refused }: KeyInterceptorOptions): ServerInterceptor {
  return ({ path, requestStream }: Pick<ServerMethodDefinition<unknown, unknown>, 'path' | 'requestStream'>, call) => {
    const method = path.startsWith(SERVICE) ? path.slice(SERVICE.length) : '';
    const scope = SCOPES[method];
    if (scope === undefined) return new ServerInterceptingCall(call);
    let client: Client | null = null;
    const listener: ServerListener = {
      onReceiveMetadata: (metadata, next) => {
        const decision = gatekeeper.admit({
          presented: presentedKey({
            authorization: fieldOf(metadata, 'authorization'),
            apiKey: fieldOf(metadata, 'x-api-key'),
          }),
          scope,
          model: null,
          counts: !requestStream,
        });
        client = decision.client;
        if (decision.admitted) {
          next(metadata);
          return;
        }
        refused(method, decision.error);
        call.sendStatus(serviceError(decision.error));
      },
      onReceiveMessage: (message, next) => {
        const model = modelOf(method, message);
        const error = client === null ? null : gatekeeper.admitMessage(client, { model, counts: requestStream });
        next(error === null ? message : new RefusedMessage(error, message));
      },
    };
    return new ServerInterceptingCall(call, { start: (next) => next(listener) });
  };
}

function fieldOf(metadata: Metadata, name: string): string | undefined {
  return metadata.get(name)[0]?.toString();
}

/** The model that a message names; lists, and statistics of no model, are about all. */
function modelOf(method: string, message: unknown): Asked['model'] {
  if (method === 'RepositoryIndex') return EVERY_MODEL;
  const { name, model_name: modelName = name } = message as { readonly name?: string; readonly model_name?: string };
  if (method === 'ModelStatistics' && (name ?? '') === '') return EVERY_MODEL;
  return modelName ?? null;
}

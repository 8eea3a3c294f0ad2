import type { FastifyRequest } from 'fastify';
import { versionOf } from '../../open-inference/served-models.ts';

/** What a path names. */
interface Path {
  readonly params: { readonly model: string; readonly version?: string };
}

export function targetOf(request: FastifyRequest): { readonly name: string; readonly version: number | null } {
  const { model: name, version = null } = request.params as Path['params'];
  return { name, version: versionOf(name, version) };
}

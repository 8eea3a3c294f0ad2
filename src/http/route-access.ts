import type { Scope } from '../security/api-key.ts';

/** Who may call a route, where API keys are asked for: all, who brings a key of the scope, or who brings the management token. */
export type RouteAccess = Scope | 'open' | 'management';

/** Health, and the pages that say how to ask: orchestrators and browsers bring no keys. */
const OPEN =
  /^\/(health\/\w+|v2\/health\/\w+|docs\b.*|openapi\.json)?$|^\/v2\/models\/.+\/ready$|^\/tei\/[^/]+\/health$/;
const MANAGEMENT = /\/(load|unload|promote|unpin)$|^\/repository\/reload$/;
/** Asks by POST for what is only read. */
const INDEX = '/v2/repository/index';

/**
 * What a route asks for, told by its method and path alone, so that a new route is never open by oversight.
 * @param url a route of Fastify, or a path of the OpenAPI document.
 */
export function accessOf(method: string, url: string): RouteAccess {
  if (OPEN.test(url)) return 'open';
  if (MANAGEMENT.test(url)) return 'management';
  if (url === '/metrics') return 'metrics';
  return method === 'GET' || method === 'HEAD' || url === INDEX ? 'read' : 'predict';
}

/** Routes whose answers are about all models: a key that is for some of them may not ask. */
const ABOUT_ALL = new Set(['/models', '/v1/models', '/v2/models/stats', INDEX]);

export function isAboutAllModels(url: string): boolean {
  return ABOUT_ALL.has(url);
}

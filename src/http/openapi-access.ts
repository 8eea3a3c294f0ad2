import type { Operation } from './openapi.ts';
import { protocolOf } from './protocols/error-shapes.ts';
import { accessOf } from './route-access.ts';

export const SECURITY_SCHEMES = {
  adminToken: { type: 'http', scheme: 'bearer', description: 'SERVAL_ADMIN_TOKEN' },
  bearerKey: { type: 'http', scheme: 'bearer', description: 'An API key, where the server asks for one' },
  headerKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same in a header of its own' },
} as const;

/** Keys are asked for where the operator has made some: the document is the same with and without. */
const WITH_OR_WITHOUT = [{}, { bearerKey: [] }, { headerKey: [] }];
const STATUSES = ['401', '403', '429'];

/** Writes into an operation what a route's guard may answer. */
export function describeAccess(operation: Operation, method: string, url: string): void {
  const access = accessOf(method, url);
  if (access === 'open' || access === 'management') return;
  operation.security = WITH_OR_WITHOUT;
  const schema = { $ref: `#/components/schemas/${errorSchemaOf(url)}` };
  const refusals = STATUSES.map((status) => [status, { content: { 'application/json': { schema } } }]);
  operation.responses = { ...Object.fromEntries(refusals), ...operation.responses };
}

function errorSchemaOf(url: string): string {
  switch (protocolOf(url).name) {
    case 'serval':
      return 'Error';
    case 'text-embeddings-inference':
      return 'TeiError';
    default:
      return 'ProtocolError';
  }
}

import { z } from 'zod';

/** `{"error": message}`: Hugging Face, TensorFlow Serving, KServe. */
export const protocolErrorSchema = z.object({ error: z.string() }).meta({ id: 'ProtocolError' });

/** A route's error responses: these statuses, all with `{"error": message}`. */
export function protocolErrorResponses<Status extends number>(
  ...statuses: Status[]
): Record<Status, typeof protocolErrorSchema> {
  return Object.fromEntries(statuses.map((status) => [status, protocolErrorSchema])) as Record<
    Status,
    typeof protocolErrorSchema
  >;
}

export const teiErrorSchema = z
  .object({
    error: z.string(),
    error_type: z.enum(['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Tokenizer', 'Empty']),
  })
  .meta({ id: 'TeiError' });

export function teiErrorResponses<Status extends number>(...statuses: Status[]): Record<Status, typeof teiErrorSchema> {
  return Object.fromEntries(statuses.map((status) => [status, teiErrorSchema])) as Record<
    Status,
    typeof teiErrorSchema
  >;
}

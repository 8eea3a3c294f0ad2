import { z } from 'zod';
import { ERROR_TABLE } from '../errors.ts';

/** The pieces that several routes' schemas share. */

export const errorSchema = z
  .object({
    statusCode: z.int(),
    code: z.enum(Object.keys(ERROR_TABLE) as [keyof typeof ERROR_TABLE]),
    error: z.string(),
    message: z.string().meta({ description: 'What to change.' }),
    details: z.unknown().optional(),
  })
  .meta({ id: 'Error' });

/** What each status of an answer means, for the OpenAPI document. */
export const STATUS_DESCRIPTIONS: Readonly<Record<string, string>> = {
  200: 'The answer',
  400: 'The request is malformed',
  401: 'The API key or the bearer token is missing or wrong',
  403: 'Not allowed here',
  404: 'No such model or version',
  408: 'The body came too slowly',
  409: 'The version did not pass its gates',
  413: 'Too large',
  415: 'The content type or encoding is not taken',
  422: 'Well-formed, but not usable',
  424: 'The model cannot do it',
  429: 'Overloaded, or the API key’s limit is reached: send it again after Retry-After',
  500: 'A fault of the server',
  503: 'No ready version, or the server is shutting down',
  504: 'The deadline passed',
};

/** A route's error responses: these statuses, all with the same body. */
export function errorResponses<Status extends number>(...statuses: Status[]): Record<Status, typeof errorSchema> {
  return Object.fromEntries(statuses.map((status) => [status, errorSchema])) as Record<Status, typeof errorSchema>;
}

export const modelParameter = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: 'Name of the model', example: 'sentiment' });

export const versionParameter = z
  .string()
  .regex(/^[1-9][0-9]{0,8}$/, 'must be a positive whole number')
  .meta({ description: 'Number of the version', example: '2' });

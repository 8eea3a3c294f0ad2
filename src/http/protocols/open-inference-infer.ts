import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ServalError } from '../../errors.ts';
import { connectionOf } from '../client-connection.ts';
import { RawBody } from '../raw-body.ts';
import { doorHook } from '../request-timeout.ts';
import { predictHeadersSchema } from '../routes/predict-schemas.ts';
import { modelParameter, versionParameter } from '../schemas.ts';
import { protocolErrorResponses } from './error-schemas.ts';
import { answerInfer } from './infer-call.ts';
import { targetOf } from './open-inference-path.ts';
import { inferRequestSchema, inferResponseSchema } from './open-inference-schemas.ts';
import type { ProtocolParts } from './protocol.ts';

/** From here on another copy costs more than a stream. */
const MIN_STREAMED_BYTES = 65_536;

/** POST …/infer, as JSON or with the binary tensor extension. */
export function inferRoutes(app: FastifyInstance, parts: ProtocolParts): void {
  for (const [prefix, params] of [
    ['/v2/models/:model', z.object({ model: modelParameter })],
    ['/v2/models/:model/versions/:version', z.object({ model: modelParameter, version: versionParameter })],
  ] as const) {
    app.post(
      `${prefix}/infer`,
      {
        onRequest: doorHook(parts),
        schema: {
          tags: ['Open Inference Protocol'],
          summary: 'Run a model',
          description: DESCRIPTION,
          consumes: ['application/json', 'application/octet-stream'],
          params,
          headers: predictHeadersSchema(parts.config),
          body: inferRequestSchema,
          response: {
            200: inferResponseSchema,
            ...protocolErrorResponses(400, 404, 408, 413, 415, 422, 429, 500, 503, 504),
          },
        },
      },
      (request, reply) => infer({ parts, request, reply }),
    );
  }
}

const DESCRIPTION =
  'A model with a pipeline takes one BYTES input, `text` or `image` (an encoded file; base64 where it stands in JSON), and gives `label`, `score` and `scores`; its bare graph is `<model>.graph`. Tensors as bytes behind the JSON (`Inference-Header-Content-Length`) are much faster than as JSON numbers.';

interface InferExchange {
  readonly parts: ProtocolParts;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function infer({ parts, request, reply }: InferExchange): Promise<FastifyReply> {
  const { id, headers, body } = request;
  if (!(body instanceof RawBody))
    throw new ServalError('SERVAL_MALFORMED_JSON', 'The body is empty; send a JSON object.');
  const call = { id, target: targetOf(request), headers, body: body.bytes };
  const answer = await answerInfer(parts, call, connectionOf(reply));
  request.served = answer.served;
  reply.raw.once('close', () => {
    if (reply.raw.writableFinished) answer.free();
  });
  const { pieces } = answer;
  return reply
    .headers(answer.headers)
    .send(
      Number(answer.headers['content-length']) < MIN_STREAMED_BYTES
        ? Buffer.concat(pieces)
        : Readable.from(pieces, { objectMode: false }),
    );
}

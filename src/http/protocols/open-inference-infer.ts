import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ServalError } from '../../errors.ts';
import type { InferRequest, Parameters } from '../../open-inference/infer-request.ts';
import { freeOutputs, type InferResponse } from '../../open-inference/inference.ts';
import type { ResponseParts } from '../../open-inference/json-infer-response.ts';
import { serverTiming } from '../classify.ts';
import { connectionOf } from '../client-connection.ts';
import { RawBody } from '../raw-body.ts';
import { doorHook, TIMEOUT_HEADER } from '../request-timeout.ts';
import { predictHeadersSchema } from '../routes/predict-schemas.ts';
import { modelParameter, versionParameter } from '../schemas.ts';
import { protocolErrorResponses } from './error-schemas.ts';
import { JsonThread } from './json-thread.ts';
import { targetOf } from './open-inference-path.ts';
import { inferRequestSchema, inferResponseSchema } from './open-inference-schemas.ts';
import type { ProtocolParts } from './protocol.ts';

/** From here on another copy costs more than a stream. */
const MIN_STREAMED_BYTES = 65_536;

/** How much of a body is JSON; the binary tensors follow. In the answer as well. */
export const HEADER_LENGTH = 'inference-header-content-length';

/** POST …/infer, as JSON or with the binary tensor extension. */
export function inferRoutes(app: FastifyInstance, parts: ProtocolParts): void {
  const json = new JsonThread();
  app.addHook('onClose', () => json.stop());
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
      (request, reply) => infer({ parts, json, request, reply }),
    );
  }
}

const DESCRIPTION =
  'A model with a pipeline takes one BYTES input, `text` or `image` (an encoded file; base64 where it stands in JSON), and gives `label`, `score` and `scores`; its bare graph is `<model>.graph`. Tensors as bytes behind the JSON (`Inference-Header-Content-Length`) are much faster than as JSON numbers.';

interface InferExchange {
  readonly parts: ProtocolParts;
  readonly json: JsonThread;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function infer({ parts, json, request, reply }: InferExchange): Promise<FastifyReply> {
  const { body, headers } = request;
  if (!(body instanceof RawBody))
    throw new ServalError('SERVAL_MALFORMED_JSON', 'The body is empty; send a JSON object.');
  const inferRequest = await json.read(body.bytes, jsonBytesOf(headers[HEADER_LENGTH], body.bytes.byteLength));
  const given = Number(headers[TIMEOUT_HEADER] ?? parts.config.defaultTimeoutMs);
  const timeoutMs = Math.min(given, parts.config.maxTimeoutMs);
  const target = { ...targetOf(request), timeoutMs };
  const response = await parts.openInference.inference.infer(target, inferRequest, connectionOf(reply));
  const { name, manifest, items, imageBytes, timings } = response;
  request.served = {
    model: name,
    version: manifest.version,
    items,
    imageBytes,
    encodeSeconds: timings.encodeMs / 1000,
  };
  const written = await json.write(responseParts(response, inferRequest, request.id));
  reply.header('server-timing', serverTiming(response, reply.elapsedTime));
  const head = typeof written.json === 'string' ? Buffer.from(written.json, 'utf8') : bufferOf(written.json);
  if (written.binary.length === 0) return reply.header('content-type', 'application/json').send(head);
  reply.raw.once('close', () => {
    if (reply.raw.writableFinished) freeOutputs(response);
  });
  const pieces = [head, ...written.binary];
  const bytes = written.binary.reduce((total, { byteLength }) => total + byteLength, 0);
  return reply
    .header('content-type', 'application/octet-stream')
    .header('content-length', head.byteLength + bytes)
    .header(HEADER_LENGTH, head.byteLength)
    .send(
      head.byteLength + bytes < MIN_STREAMED_BYTES
        ? Buffer.concat(pieces)
        : Readable.from(pieces, { objectMode: false }),
    );
}

/** @throws ServalError SERVAL_INVALID_REQUEST where the header cannot be true of this body. */
function jsonBytesOf(header: string | string[] | undefined, bodyBytes: number): number | null {
  if (header === undefined) return null;
  const length = typeof header === 'string' && /^\d{1,15}$/.test(header.trim()) ? Number(header) : Number.NaN;
  if (length <= bodyBytes) return length;
  const message = `Inference-Header-Content-Length must be the bytes of the JSON at the head of the body, which has ${bodyBytes} bytes in all.`;
  throw new ServalError('SERVAL_INVALID_REQUEST', message);
}

function responseParts(
  { name, manifest, outputs }: InferResponse,
  { id, parameters }: InferRequest,
  requestId: string,
): ResponseParts {
  const isBinary = (own: Parameters) => (own.binary_data ?? parameters.binary_data_output) === true;
  return {
    modelName: name,
    modelVersion: String(manifest.version),
    id: id ?? requestId,
    outputs: outputs.map((output) => ({
      name: output.name,
      tensor: output.tensor,
      binary: isBinary(output.parameters),
    })),
  };
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

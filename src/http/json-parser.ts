import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ServalError } from '../errors.ts';
import type { BodyLimits, BodyReader } from './body-reader.ts';

/** Takes JSON bodies, and no others, within the limits. */
export function installJsonParser(app: FastifyInstance, reader: BodyReader, limits: BodyLimits): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const { 'content-encoding': encoding, 'content-length': length } = request.headers;
    if (encoding !== undefined && encoding !== 'identity') {
      throw new ServalError('SERVAL_CONTENT_ENCODING', `Send the body uncompressed, not as ${encoding}.`);
    }
    const { body, release } = await reader.read(payload, length === undefined ? null : Number(length), limits);
    try {
      return parseJson(body);
    } finally {
      release();
    }
  });
}

function parseJson(body: Buffer): unknown {
  if (body.byteLength === 0) throw new ServalError('SERVAL_MALFORMED_JSON', 'The body is empty; send a JSON object.');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    // The engine's message quotes the text; only its position is told.
    const position = /position \d+( \(line \d+ column \d+\))?/.exec(reason)?.[0];
    const where = position === undefined ? '' : `, at ${position}`;
    throw new ServalError('SERVAL_MALFORMED_JSON', `The body is not valid JSON${where}.`, { cause: error });
  }
}

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';
import { ServalError } from '../errors.ts';
import { BodyReader, ReceivingBudget } from './body-reader.ts';
import { ImageUpload } from './image-upload.ts';
import { parseMultipart } from './multipart.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the body is about to be read. */
    heldBody: HeldBody | null;
  }
}

export const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'];

/** Text that base64 makes of a file of `bytes`, with some room for the JSON around it. */
function base64Bytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4 + 65_536;
}

/** Takes bodies of JSON, multipart/form-data and image files, each within its limit and all within one budget. */
export function installBodyParsers(app: FastifyInstance, config: Config): void {
  const reader = new BodyReader(new ReceivingBudget(config.maxReceivingBytes));
  const { maxTextBodyBytes, maxImageBodyBytes, maxInputs, bodyTimeoutMs: timeoutMs } = config;
  const install = (types: string | string[], maxBytes: number, parse: Parse) => {
    app.addContentTypeParser(types, async (request: FastifyRequest, payload: IncomingMessage) => {
      const { 'content-encoding': encoding, 'content-length': length } = request.headers;
      if (encoding !== undefined && encoding !== 'identity') {
        throw new ServalError('SERVAL_CONTENT_ENCODING', `Send the body uncompressed, not as ${encoding}.`);
      }
      const declared = length === undefined ? null : Number(length);
      const { body, release } = await reader.read(payload, declared, { maxBytes, timeoutMs });
      request.heldBody?.hold(release);
      return await parse(body, request.headers['content-type'] ?? '');
    });
  };
  app.decorateRequest('heldBody', null);
  app.addHook('preParsing', (request, reply, payload, done) => {
    const held = new HeldBody();
    request.heldBody = held;
    reply.raw.once('close', () => held.end());
    done(null, payload);
  });
  app.removeAllContentTypeParsers();
  const jsonBytes = Math.max(maxTextBodyBytes, base64Bytes(maxImageBodyBytes));
  install('application/json', jsonBytes, (body) => parseJson(body, maxTextBodyBytes));
  install('multipart/form-data', maxImageBodyBytes, (body, type) => parseMultipart(body, type, maxInputs));
  install(IMAGE_TYPES, maxImageBodyBytes, (body) => new ImageUpload([body], {}));
}

/** A body counts against the budget until its request is answered: images wait in the queue as they came. */
class HeldBody {
  #release: (() => void) | null = null;
  #isOver = false;

  hold(release: () => void): void {
    if (this.#isOver) release();
    else this.#release = release;
  }

  end(): void {
    this.#isOver = true;
    this.#release?.();
    this.#release = null;
  }
}

type Parse = (body: Buffer, contentType: string) => unknown;

/** Where a JSON body has an image in it, it may be as large as the base64 of the largest file. */
const IMAGE_FIELD = Buffer.from('"image"');

function parseJson(body: Buffer, maxTextBytes: number): unknown {
  if (body.byteLength === 0) throw new ServalError('SERVAL_MALFORMED_JSON', 'The body is empty; send a JSON object.');
  if (body.byteLength > maxTextBytes && !body.includes(IMAGE_FIELD)) {
    throw new ServalError('SERVAL_BODY_TOO_LARGE', `The body has more than ${maxTextBytes} bytes; send less at once.`, {
      details: { maxBytes: maxTextBytes },
    });
  }
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

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';
import { ServalError } from '../errors.ts';
import { freeOwnMemory } from '../off-heap.ts';
import { BodyReader, type ReceivingBudget } from './body-reader.ts';
import type { EventLoopTurns } from './event-loop-turns.ts';
import { ImageUpload } from './image-upload.ts';
import { inflate, inflateError } from './inflate.ts';
import { parseMultipart } from './multipart.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the body is about to be read. */
    heldBody: HeldBody | null;
  }
}

export const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'];

/** They cost next to nothing, and health checks are among them. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Text that base64 makes of a file of `bytes`, with some room for the JSON around it. */
function base64Bytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4 + 65_536;
}

/** Makes a scope of routes take bodies of these types, within `maxBytes` each and within one budget for all of the server. */
export type InstallParser = (scope: FastifyInstance, types: string | string[], parser: BodyParser) => void;

export interface BodyParts {
  readonly config: Config;
  readonly turns: EventLoopTurns;
  readonly budget: ReceivingBudget;
}

export interface BodyParser {
  /** Of the body as it is parsed: uncompressed. */
  readonly maxBytes: number;
  readonly parse: Parse;
  /** Whether gzip and deflate are taken. */
  readonly inflates?: boolean;
}

/** Largest JSON body that carries an image as base64, in bytes. */
export function maxJsonBytes({ maxTextBodyBytes, maxImageBodyBytes }: Config): number {
  return Math.max(maxTextBodyBytes, base64Bytes(maxImageBodyBytes));
}

/** Largest body of an inference of the Open Inference Protocol, in bytes. */
export function maxTensorBytes(config: Config): number {
  return Math.max(config.maxTensorBodyBytes, maxJsonBytes(config));
}

/**
 * Takes bodies of JSON, multipart/form-data and image files, each within its limit and all within one budget.
 * @returns for the protocols, whose bodies may come under other types.
 */
export function installBodyParsers(app: FastifyInstance, { config, turns, budget }: BodyParts): InstallParser {
  const reader = new BodyReader(budget);
  const { maxTextBodyBytes, maxImageBodyBytes, maxInputs, bodyTimeoutMs: timeoutMs } = config;
  const install: InstallParser = (scope, types, { maxBytes, parse, inflates = false }) => {
    scope.addContentTypeParser(types, async (request: FastifyRequest, payload: IncomingMessage) => {
      const { 'content-encoding': encoding, 'content-length': length } = request.headers;
      const isCompressed = encoding !== undefined && encoding !== 'identity';
      if (isCompressed && !inflates) {
        throw new ServalError('SERVAL_CONTENT_ENCODING', `Send the body uncompressed, not as ${encoding}.`);
      }
      const declared = length === undefined || isCompressed ? null : Number(length);
      const stream = isCompressed ? inflate(payload, encoding) : payload;
      const { body, release } = await reader.read(stream, declared, { maxBytes, timeoutMs }).catch((error: unknown) => {
        throw inflateError(error) ?? error;
      });
      request.heldBody?.hold(body, release);
      return await parse(body, request.headers['content-type'] ?? '');
    });
  };
  app.decorateRequest('heldBody', null);
  app.addHook('preParsing', (request, reply, payload, done) => {
    const held = new HeldBody();
    request.heldBody = held;
    reply.raw.once('close', () => held.end(isAnswered(reply.raw)));
    if (WITHOUT_BODY.has(request.method)) done(null, payload);
    else turns.enter(() => done(null, payload));
  });
  app.removeAllContentTypeParsers();
  install(app, 'application/json', {
    maxBytes: maxJsonBytes(config),
    parse: (body) => {
      const parsed = parseJson(body, { maxTextBytes: maxTextBodyBytes, imageField: 'image' });
      freeOwnMemory(body);
      return parsed;
    },
  });
  install(app, 'multipart/form-data', {
    maxBytes: maxImageBodyBytes,
    parse: async (body, type) => {
      const upload = await parseMultipart(body, type, maxInputs);
      freeOwnMemory(body);
      return upload;
    },
  });
  install(app, IMAGE_TYPES, { maxBytes: maxImageBodyBytes, parse: (body) => new ImageUpload([body], {}) });
  return install;
}

/** A body counts against the budget until its request is answered: images wait in the queue as they came. */
class HeldBody {
  #body: Buffer | null = null;
  #release: (() => void) | null = null;
  #isOver = false;

  hold(body: Buffer, release: () => void): void {
    this.#body = body;
    if (this.#isOver) release();
    else this.#release = release;
  }

  /** @param answered nobody reads the body any more; what was given up may still be on its way to a worker. */
  end(answered: boolean): void {
    this.#isOver = true;
    this.#release?.();
    this.#release = null;
    if (answered && this.#body !== null) freeOwnMemory(this.#body);
  }
}

/** All of the answer is with the kernel, and it is a good one. */
function isAnswered({ statusCode, writableFinished }: ServerResponse): boolean {
  return statusCode === 200 && writableFinished;
}

export type Parse = (body: Buffer, contentType: string) => unknown;

export interface JsonLimits {
  readonly maxTextBytes: number;
  /** A body that has a field of this name may be as large as the base64 of the largest image file. */
  readonly imageField: string;
}

/** @throws ServalError SERVAL_MALFORMED_JSON, SERVAL_BODY_TOO_LARGE */
export function parseJson(body: Buffer, { maxTextBytes, imageField }: JsonLimits): unknown {
  if (body.byteLength === 0) throw new ServalError('SERVAL_MALFORMED_JSON', 'The body is empty; send a JSON object.');
  if (body.byteLength > maxTextBytes && !body.includes(`"${imageField}"`)) {
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

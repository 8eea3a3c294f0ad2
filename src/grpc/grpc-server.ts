import { fileURLToPath } from 'node:url';
import type { Server as GrpcJsServer } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { ServalError } from '../errors.ts';
import { Http2Server } from '../http2/http2-server.ts';
import type { Http2Stream, StreamHandler } from '../http2/http2-stream.ts';
import { httpBlock, statusBlock } from './answer-blocks.ts';
import { keyOfCall } from './call-keys.ts';
import { CallMetadata } from './call-metadata.ts';
import type { Implementation, MethodDefinition, StreamingHandler, UnaryHandler } from './call-method.ts';
import { CallRunner, MALFORMED } from './call-runner.ts';
import { readTimeout } from './call-timeout.ts';
import type { GrpcParts } from './grpc-parts.ts';
import { GrpcCode, statusOf } from './grpc-status.ts';
import { HealthService } from './health-service.ts';
import { inferenceService } from './inference-service.ts';
import { StreamingCall } from './streaming-call.ts';
import { UnaryCall } from './unary-call.ts';

const FILES = ['inference.proto', 'health.proto'].map((name) => fileURLToPath(new URL(`./${name}`, import.meta.url)));
const LOADING = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true } as const;
const INFERENCE = '/inference.GRPCInferenceService/';
const CONTENT_TYPE = /^application\/grpc(?:[+;]|$)/;

type Service = Readonly<Record<string, MethodDefinition>>;

interface Method {
  /** Without its service; null where that is not the inference service, and so nobody's business. */
  readonly name: string | null;
  readonly definition: MethodDefinition;
  readonly handler: UnaryHandler | StreamingHandler;
}

/** The Open Inference Protocol over gRPC, with the standard health and reflection services; with TLS where HTTP has it. */
export class GrpcServer {
  readonly #http2: Http2Server;
  readonly #methods = new Map<string, Method>();
  readonly #health: HealthService;
  readonly #runner: CallRunner;
  readonly #parts: GrpcParts;

  constructor(parts: GrpcParts) {
    this.#parts = parts;
    this.#health = new HealthService(parts);
    this.#runner = new CallRunner(parts);
    this.#http2 = new Http2Server({
      certificate: parts.certificate,
      arrivalMs: parts.config.bodyTimeoutMs,
      maxConnections: parts.config.maxConnections,
      open: (stream) => this.#open(stream),
    });
    const definition = loadSync(FILES, LOADING);
    const serviceOf = (name: string) => definition[name] as unknown as Service;
    this.#addService(serviceOf('inference.GRPCInferenceService'), inferenceService(parts));
    this.#addService(serviceOf('grpc.health.v1.Health'), this.#health.implementation);
    const reflected = {
      addService: (service: Service, handlers: Implementation) => this.#addService(service, handlers),
    };
    new ReflectionService(definition).addToServer(reflected as unknown as GrpcJsServer);
  }

  /** @returns the port it listens on. */
  async listen(host: string, port: number): Promise<number> {
    const bound = await this.#http2.listen(host, port);
    this.#parts.logger.info({ host, port: bound }, 'listening for gRPC');
    return bound;
  }

  /** Resolves when no further call is taken, within a second; until then those that come are answered as ever. */
  async leave(): Promise<void> {
    this.#health.stop();
    await this.#http2.leave();
  }

  /** Resolves when no call is left. */
  async stop(): Promise<void> {
    await this.#http2.stop();
  }

  /** Breaks off what is left. */
  kill(): void {
    this.#http2.kill();
  }

  #addService(service: Service, handlers: Implementation): void {
    for (const [name, definition] of Object.entries(service)) {
      const handler = handlers[name];
      if (handler === undefined) throw new Error(`This is a bug: nothing answers ${definition.path}`);
      const own = definition.path.startsWith(INFERENCE) ? name : null;
      this.#methods.set(definition.path, { name: own, definition, handler });
    }
  }

  #open(stream: Http2Stream): StreamHandler {
    const { method: verb, path, fields } = stream.head;
    const metadata = new CallMetadata(fields);
    if (!CONTENT_TYPE.test(metadata.get('content-type') ?? '')) return answered(stream, httpBlock(415));
    if (verb !== 'POST') return answered(stream, httpBlock(405));
    const method = this.#methods.get(path);
    if (method === undefined) {
      const error = new ServalError('SERVAL_ROUTE_NOT_FOUND', `There is no method ${path.slice(0, 128)}.`);
      return this.#refused(stream, null, error, GrpcCode.UNIMPLEMENTED);
    }
    const { name, definition } = method;
    const timeoutMs = timeoutOf(metadata);
    if (timeoutMs === undefined) {
      const message = 'grpc-timeout is one to eight digits and a unit: H, M, S, m, u or n.';
      return this.#refused(stream, name, new ServalError('SERVAL_INVALID_REQUEST', message));
    }
    const { gatekeeper, config, budget } = this.#parts;
    const { requestStream, responseStream } = definition;
    const key =
      gatekeeper === null || name === null ? null : keyOfCall(gatekeeper, { method: name, requestStream, metadata });
    if (key !== null && key.error !== null) return this.#refused(stream, name, key.error);
    const options = {
      stream,
      metadata,
      timeoutMs,
      arrivalMs: requestStream ? null : config.bodyTimeoutMs,
      maxMessageBytes: config.maxTensorBodyBytes,
      budget,
      read: (bytes: Buffer) => (key === null ? read(definition, bytes) : key.check(read(definition, bytes))),
      write: definition.responseSerialize,
      onRefused: (error: ServalError) => this.#runner.refused(name, error),
    };
    return requestStream || responseStream
      ? new StreamingCall({ ...options, handler: method.handler as StreamingHandler })
      : new UnaryCall({ ...options, handler: method.handler as UnaryHandler });
  }

  #refused(stream: Http2Stream, name: string | null, error: ServalError, code?: GrpcCode): StreamHandler {
    this.#runner.refused(name, error);
    const status = statusOf(error);
    return answered(stream, statusBlock(code === undefined ? status : { ...status, code }, true));
  }
}

const NOBODY: StreamHandler = {
  arrivesBy: Number.POSITIVE_INFINITY,
  onData: () => {},
  onEnd: () => {},
  onLate: () => {},
  onGone: () => {},
};

/** @param block all of the answer. */
function answered(stream: Http2Stream, block: Buffer): StreamHandler {
  stream.end(block);
  return NOBODY;
}

/** @returns null where there is none; undefined where it is none. */
function timeoutOf(metadata: CallMetadata): number | null | undefined {
  const text = metadata.get('grpc-timeout');
  return text === undefined ? null : readTimeout(text);
}

/** What cannot be read is an answer of its own, not a bug. */
function read(definition: MethodDefinition, bytes: Buffer): object {
  try {
    return definition.requestDeserialize(bytes);
  } catch {
    return MALFORMED;
  }
}

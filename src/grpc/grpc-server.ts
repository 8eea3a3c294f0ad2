import { fileURLToPath } from 'node:url';
import {
  type GrpcObject,
  loadPackageDefinition,
  Server,
  type ServerInterceptor,
  type ServiceClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { CallRunner, MALFORMED } from './call-runner.ts';
import { credentialsOf } from './grpc-credentials.ts';
import type { GrpcParts } from './grpc-parts.ts';
import { HealthService } from './health-service.ts';
import { inferenceService } from './inference-service.ts';
import { keyInterceptor } from './key-interceptor.ts';

const FILES = ['inference.proto', 'health.proto'].map((name) => fileURLToPath(new URL(`./${name}`, import.meta.url)));
const LOADING = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true } as const;

/** The Open Inference Protocol over gRPC, with the standard health and reflection services; with TLS where HTTP has it. */
export class GrpcServer {
  readonly #server: Server;
  readonly #health: HealthService;
  readonly #parts: GrpcParts;

  constructor(parts: GrpcParts) {
    this.#parts = parts;
    this.#health = new HealthService(parts);
    const maxBytes = parts.config.maxTensorBodyBytes;
    this.#server = new Server({
      'grpc.max_receive_message_length': maxBytes,
      'grpc.max_send_message_length': -1,
      interceptors: interceptorsOf(parts),
    });
    const definition = loadSync(FILES, LOADING);
    const packages = loadPackageDefinition(definition);
    this.#server.addService(serviceOf(packages, 'inference.GRPCInferenceService'), inferenceService(parts));
    this.#server.addService(serviceOf(packages, 'grpc.health.v1.Health'), this.#health.implementation);
    new ReflectionService(definition).addToServer(this.#server);
  }

  /** @returns the port it listens on. */
  async listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#server.bindAsync(address, credentialsOf(this.#parts.certificate), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
    const bound = await promise;
    this.#parts.logger.info({ host, port: bound }, 'listening for gRPC');
    return bound;
  }

  /** Answers what was accepted, and resolves when no call is left. */
  async stop(): Promise<void> {
    this.#health.stop();
    await new Promise<void>((resolve) => {
      this.#server.tryShutdown(() => resolve());
    });
  }

  /** Breaks off what is left. */
  kill(): void {
    this.#server.forceShutdown();
  }
}

function interceptorsOf(parts: GrpcParts): ServerInterceptor[] {
  const { gatekeeper } = parts;
  if (gatekeeper === null) return [];
  const runner = new CallRunner(parts);
  return [keyInterceptor({ gatekeeper, refused: (method, error) => runner.refused(method, error) })];
}

function serviceOf(packages: GrpcObject, name: string) {
  let found: GrpcObject[string] = packages;
  for (const part of name.split('.')) found = (found as GrpcObject)[part] as GrpcObject[string];
  return withoutThrowing((found as ServiceClientConstructor).service);
}

/** What cannot be read is the client's fault; the library would call it an internal error. */
function withoutThrowing(service: ServiceDefinition): ServiceDefinition {
  const methods = Object.entries(service).map(([name, method]) => {
    const requestDeserialize = (bytes: Buffer): object => {
      try {
        return method.requestDeserialize(bytes);
      } catch {
        return MALFORMED;
      }
    };
    return [name, { ...method, requestDeserialize }];
  });
  return Object.fromEntries(methods) as ServiceDefinition;
}

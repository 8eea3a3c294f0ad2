import packageJson from '../../package.json' with { type: 'json' };
import { ServalError } from '../errors.ts';
import { EXTENSIONS } from '../open-inference/open-inference.ts';
import { RepositoryControl } from '../open-inference/repository-control.ts';
import { versionOf } from '../open-inference/served-models.ts';
import { AdminToken } from '../repository/admin-token.ts';
import { type AnyCall, allowedMs, connectionOf } from './call-context.ts';
import type { Implementation } from './call-method.ts';
import { type CallRecord, CallRunner, checkMessage } from './call-runner.ts';
import type { GrpcParts } from './grpc-parts.ts';
import { type ModelInferRequest, type ModelInferResponse, readRequest, writeResponse } from './infer-messages.ts';
import { answerStream } from './infer-stream.ts';
import type { StreamingCall } from './streaming-call.ts';

interface NamedModel {
  readonly name: string;
  readonly version: string;
}

interface ManagedModel {
  readonly model_name: string;
}

/** Each method of inference.GRPCInferenceService. */
export function inferenceService(parts: GrpcParts): Implementation {
  const { openInference, repository, phase } = parts;
  const { models, statistics } = openInference;
  const runner = new CallRunner(parts);
  const control = new RepositoryControl(repository, parts.management);
  const token = new AdminToken(parts.config.adminToken);
  const infer = (request: ModelInferRequest, call: AnyCall, record: CallRecord) =>
    inferOne({ parts, runner }, { request, call, record });
  const manage =
    (action: 'load' | 'unload') =>
    async ({ model_name: model }: ManagedModel, call: AnyCall) => {
      const refusal = token.refusal(call.metadata.get('authorization'));
      parts.logger.warn({ audit: true, grpc: action, model, allowed: refusal === null }, 'management');
      if (refusal !== null) throw refusal;
      await control[action](model);
      return {};
    };
  return {
    ServerLive: runner.unary('ServerLive', () => ({ live: true })),
    ServerReady: runner.unary('ServerReady', () => ({ ready: phase() === 'ready' && repository.anyReady })),
    ModelReady: runner.unary('ModelReady', ({ name, version }: NamedModel) => ({
      ready: isReady(parts, name, version),
    })),
    ServerMetadata: runner.unary('ServerMetadata', () => ({
      name: packageJson.name,
      version: packageJson.version,
      extensions: EXTENSIONS,
    })),
    ModelMetadata: runner.unary('ModelMetadata', ({ name, version }: NamedModel) =>
      models.metadata(name, versionOf(name, version)),
    ),
    ModelInfer: runner.unary('ModelInfer', infer),
    ModelStreamInfer: (call: StreamingCall) =>
      answerStream(call, (request) => runner.run('ModelStreamInfer', call, (record) => infer(request, call, record))),
    ModelStatistics: runner.unary('ModelStatistics', ({ name, version }: NamedModel) => ({
      model_stats: statistics.of(repository, name === '' ? null : name, versionOf(name, version)),
    })),
    RepositoryIndex: runner.unary('RepositoryIndex', ({ ready }: { readonly ready: boolean }) => ({
      models: models.index(ready),
    })),
    RepositoryModelLoad: runner.unary('RepositoryModelLoad', manage('load')),
    RepositoryModelUnload: runner.unary('RepositoryModelUnload', manage('unload')),
  };
}

/** What is not there is not ready, as Triton answers. */
function isReady({ openInference }: GrpcParts, name: string, version: string): boolean {
  try {
    return openInference.models.isReady(name, versionOf(name, version));
  } catch (error) {
    if (error instanceof ServalError && error.statusCode === 404) return false;
    throw error;
  }
}

interface InferCall {
  readonly request: ModelInferRequest;
  readonly call: AnyCall;
  readonly record: CallRecord;
}

async function inferOne(
  { parts, runner }: { readonly parts: GrpcParts; readonly runner: CallRunner },
  { request, call, record }: InferCall,
): Promise<ModelInferResponse> {
  checkMessage(request);
  const timeoutMs = allowedMs(call, parts.config);
  const { model_name: name, id, raw_input_contents: raw } = request;
  const version = versionOf(name, request.model_version);
  runner.checkDoor({ versionKey: parts.repository.keyOf(name, version), timeoutMs, waitedMs: 0 });
  const target = { name, version, timeoutMs };
  const response = await parts.openInference.inference.infer(target, readRequest(request), connectionOf(call));
  const { manifest, items, imageBytes, timings } = response;
  record.served = {
    model: name,
    version: manifest.version,
    items,
    imageBytes,
    encodeSeconds: timings.encodeMs / 1000,
  };
  return writeResponse(response, id, raw.length > 0);
}

import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Config } from '../config.ts';
import { ERROR_TABLE, type ErrorCode } from '../errors.ts';
import type { OpenInference } from '../open-inference/open-inference.ts';
import type { Predictor } from '../pipelines/predictor.ts';
import type { TensorPredictor } from '../pipelines/tensor-predictor.ts';
import type { Manifest } from '../repository/manifest.ts';
import type { ModelManagement } from '../repository/model-management.ts';
import type { ModelRepository } from '../repository/model-repository.ts';
import type { CostCoefficients } from '../scheduler/cost-model.ts';
import type { Door } from '../scheduler/door.ts';
import type { Certificate } from '../security/certificate.ts';
import type { Gatekeeper } from '../security/gatekeeper.ts';
import { refuseUnlessServing, type ServerPhase } from '../server-phase.ts';
import { installBodyParsers } from './body-parsers.ts';
import type { ReceivingBudget } from './body-reader.ts';
import { Connections } from './connections.ts';
import { allowOrigins } from './cross-origin.ts';
import { installErrorHandlers } from './error-handler.ts';
import { EventLoopTurns } from './event-loop-turns.ts';
import type { HttpObserver, RequestTrace, RequestTracer, ServedRequest } from './http-observer.ts';
import { guardRoutes } from './key-guard.ts';
import { MethodTable } from './method-table.ts';
import { installOpenApi } from './openapi.ts';
import { answerPlainly } from './plain/answer-plainly.ts';
import { protocolOf } from './protocols/error-shapes.ts';
import { huggingFaceRoutes } from './protocols/hugging-face.ts';
import { JsonThread } from './protocols/json-thread.ts';
import { openInferenceRoutes } from './protocols/open-inference.ts';
import { tensorFlowServingRoutes } from './protocols/tensorflow-serving.ts';
import { textEmbeddingsInferenceRoutes } from './protocols/text-embeddings-inference.ts';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts';
import { httpName, logAnswered } from './request-log.ts';
import { installRequestTracing } from './request-tracing.ts';
import { healthRoutes } from './routes/health.ts';
import { managementRoutes } from './routes/management.ts';
import { type MetricsSource, metricsRoutes } from './routes/metrics.ts';
import { modelRoutes } from './routes/models.ts';
import { predictRoutes } from './routes/predict.ts';
import { schemaController } from './schema-compilers.ts';
import { followCertificate, transportOptions } from './transport.ts';

export type App = FastifyInstance;

/** What the HTTP server needs of the rest. */
export interface AppParts {
  readonly config: Config;
  readonly logger: FastifyBaseLogger;
  readonly predictor: Predictor;
  readonly tensorPredictor: TensorPredictor;
  readonly openInference: OpenInference;
  readonly repository: ModelRepository;
  readonly metrics: MetricsSource;
  readonly observer: HttpObserver;
  /** Null where requests are not traced. */
  readonly tracer: RequestTracer | null;
  /** Refuses a request before it is read. */
  readonly door: Door;
  /** What is being received from all clients, whatever the protocol. */
  readonly budget: ReceivingBudget;
  readonly phase: () => ServerPhase;
  readonly management: ModelManagement;
  /** A version's calibrated cost; null where it is not served. */
  readonly costOf: (manifest: Manifest) => CostCoefficients | null;
  /** Null where everybody gets in. */
  readonly gatekeeper: Gatekeeper | null;
  /** Null for plain text. */
  readonly certificate: Certificate | null;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Open connections that have asked for something. */
    keptConnections: () => number;
  }
  interface FastifyRequest {
    /** Set by a prediction, for metrics and the log. */
    served: ServedRequest | null;
    errorCode: string | null;
    trace: RequestTrace | null;
  }
}

const CLIENT_CLOSED: ErrorCode = 'SERVAL_CLIENT_CLOSED';

/** Builds the server without listening. */
export async function createApp(parts: AppParts): Promise<FastifyInstance> {
  const { config } = parts;
  const connections = new Connections(() => parts.phase() === 'draining');
  const app = Fastify({
    loggerInstance: parts.logger,
    // One line a request, written below.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    requestIdHeader: false,
    bodyLimit: config.maxTextBodyBytes,
    schemaController,
    // The routes' schemas bound what a path names; a longer one is told so there.
    routerOptions: { maxParamLength: config.maxHeaderBytes },
    keepAliveTimeout: config.keepAliveTimeoutMs,
    requestTimeout: config.bodyTimeoutMs,
    maxRequestsPerSocket: 0,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    ...transportOptions(config, parts.certificate),
    clientErrorHandler: (error, socket) => connections.answerBroken(error, socket),
    frameworkErrors: (error, request, reply) =>
      void app.errorHandler?.call(app, error, request as never, reply as never),
  });
  app.server.maxConnections = config.maxConnections;
  followCertificate(app.server, parts.certificate);
  app.decorateRequest('served', null);
  app.decorateRequest('errorCode', null);
  app.decorateRequest('trace', null);
  app.decorateRequest('client', null);
  const methods = new MethodTable();
  app.addHook('onRoute', ({ url, method }) => methods.add(url, method));
  const json = new JsonThread();
  app.addHook('onClose', () => json.stop());
  const turns = new EventLoopTurns();
  const plain = answerPlainly(app.server, { ...parts, turns, json });
  if (plain !== null) app.addHook('preClose', (done) => plain.release(done));
  app.decorate('keptConnections', () => connections.keptCount + (plain?.keptCount ?? 0));
  connections.watch(app);
  if (parts.tracer !== null) installRequestTracing(app, parts.tracer);
  installRequestHooks(app, parts);
  await allowOrigins(app, config);
  installErrorHandlers(app, methods);
  if (parts.gatekeeper !== null) guardRoutes(app, parts.gatekeeper);
  const installParser = installBodyParsers(app, { config, turns, budget: parts.budget });
  await installOpenApi(app, config);
  healthRoutes(app, parts);
  modelRoutes(app, parts);
  if (config.metricsPort === null) metricsRoutes(app, parts);
  predictRoutes(app, parts);
  managementRoutes(app, parts);
  const protocolParts = { ...parts, installParser, json };
  await openInferenceRoutes(app, protocolParts);
  await huggingFaceRoutes(app, protocolParts);
  textEmbeddingsInferenceRoutes(app, protocolParts);
  await tensorFlowServingRoutes(app, protocolParts);
  return app;
}

function installRequestHooks(app: FastifyInstance, { observer, phase }: AppParts): void {
  app.addHook('onRequest', (request, reply, done) => {
    // Comes after the answer, and where the client went away before it as well.
    reply.raw.once('close', () => tellAnswered(request, reply, observer));
    reply.header(REQUEST_ID_HEADER, request.id);
    if (request.method === 'POST') refuseUnlessServing(phase());
    done();
  });
}

/** To the metrics, and as the request's one line in the log. */
function tellAnswered(request: FastifyRequest, reply: FastifyReply, observer: HttpObserver): void {
  const { served, client, trace } = request;
  const errorCode = reply.raw.writableFinished ? request.errorCode : CLIENT_CLOSED;
  const answered = {
    protocol: protocolOf(request.url).name,
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    statusCode: errorCode === CLIENT_CLOSED ? ERROR_TABLE[CLIENT_CLOSED][0] : reply.statusCode,
    seconds: reply.elapsedTime / 1000,
    errorCode,
    served,
  };
  observer.requestAnswered(answered);
  trace?.end(answered);
  logAnswered(request.log, httpName(answered), {
    ...answered,
    traceId: trace?.id ?? null,
    key: client?.key.name ?? null,
  });
}

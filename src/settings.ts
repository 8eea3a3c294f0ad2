import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { autoOr, flag, offOrPort, optional, origins, setting, share, whole } from './setting.ts';

const MB = 1_000_000;

/** Every setting of the server. The README's table is generated from this. */
export const SETTINGS = {
  host: setting(z.string().min(1), 'address', '127.0.0.1', 'Only this machine until you decide otherwise.'),
  port: setting(whole(0, 65_535), 'port', 8080, '0 takes any free port.'),
  grpcPort: setting(
    offOrPort,
    'port',
    'off',
    'Serves the Open Inference Protocol over gRPC as well; 0 takes any free port.',
  ),
  models: setting(z.string().min(1), 'folder', 'models', 'Relative to where the server is started.'),
  cacheDir: setting(
    z.string().min(1),
    'folder',
    'auto',
    'Weights as this machine’s workers share them: less memory, faster starts. auto is serval in the user’s cache folder ($XDG_CACHE_HOME, ~/.cache), off keeps nothing.',
  ),
  snapshotDir: setting(
    z
      .string()
      .min(1)
      .transform((text) => (text === 'auto' ? tmpdir() : path.resolve(text))),
    'folder',
    'auto',
    'Private copies of the model files that were verified, which is what workers load. auto is the system’s temporary folder; not to be shared between containers.',
  ),
  watchMs: setting(
    whole(0, 86_400_000),
    'ms',
    0,
    'How often the models folder is looked at for changes, which are then loaded; 0 is never.',
  ),
  keepUnloadedMs: setting(
    whole(0, 86_400_000),
    'ms',
    30_000,
    'How long workers keep a version after it was unloaded: until then it comes back at once. Then, or with the next version that is loaded, its memory is freed; 0 frees it at once.',
  ),
  adminToken: setting(
    z
      .string()
      .refine((text) => text === '' || text.length >= 16, 'must have at least 16 characters')
      .transform((text) => (text === '' ? null : text)),
    'secret',
    '',
    'Bearer token of the routes that load, unload and promote; they are off without it.',
  ),
  apiKeysFile: setting(
    optional,
    'file',
    '',
    'API keys, one a line as `npm run key` writes them, read again when it changes. With this or the next set, nobody gets in without a key.',
  ),
  apiKeys: setting(optional, 'secret', '', 'The same lines in a variable, read once.'),
  tlsCert: setting(
    optional,
    'file',
    '',
    'PEM certificate chain: HTTP and gRPC speak TLS 1.2 and 1.3. It and its key are read again when they change.',
  ),
  tlsKey: setting(optional, 'file', '', 'PEM key of the certificate, without a passphrase.'),
  corsOrigins: setting(
    origins,
    'origins',
    '',
    'Web pages that may call from a browser: https://app.example.com, several separated by commas, or *. None by default.',
  ),
  metricsPort: setting(
    offOrPort,
    'port',
    'off',
    'Serves /metrics there, in plain text and without a key, and no longer at SERVAL_PORT; 0 takes any free port.',
  ),
  metricsHost: setting(z.string().min(1), 'address', '127.0.0.1', 'Where SERVAL_METRICS_PORT listens.'),
  workers: setting(
    autoOr(1, 256),
    'processes',
    'auto',
    'auto is one a core that affinity and control groups leave to the server: two one-thread workers beat one with two threads. Where models run on CUDA, it is one a GPU.',
  ),
  workerThreads: setting(
    whole(1, 256),
    'threads',
    1,
    'Threads on which a worker runs a batch. More make a single long text or picture faster while nothing else runs, and everything slower when all workers do.',
  ),
  loneThreads: setting(
    autoOr(1, 256),
    'threads',
    'auto',
    'Threads on which a worker runs a batch while nothing else runs or waits, on a CPU and with shared weights: all cores are free then. auto is 2, or 1 on one core; 1 treats such a batch like any other.',
  ),
  executionProvider: setting(
    z.enum(['auto', 'cpu', 'cuda']),
    'provider',
    'auto',
    'auto runs on CUDA what gains by it, where CUDA works; cuda runs all on it that serval.json does not keep from it; cpu does not look for it. What cannot run on CUDA runs on the CPU.',
  ),
  cudaDevices: setting(
    z
      .string()
      .regex(/^(auto|\d{1,3}(,\d{1,3})*)$/, 'must be auto or GPU numbers, as 0,1')
      .transform((text) => (text === 'auto' ? null : [...new Set(text.split(',').map(Number))])),
    'GPU numbers',
    'auto',
    'GPUs to use, counted from 0 as CUDA counts them; workers take turns on them. auto is all that CUDA_VISIBLE_DEVICES shows.',
  ),
  logLevel: setting(
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    'level',
    'info',
    'info is one line a request, never the input.',
  ),
  logFormat: setting(
    z.enum(['auto', 'json', 'pretty']),
    'format',
    'auto',
    'auto is pretty on a terminal and JSON otherwise.',
  ),
  tracing: setting(
    z.enum(['off', 'otlp']),
    'exporter',
    'off',
    'otlp sends spans of each request as OpenTelemetry does, over HTTP; the standard OTEL_EXPORTER_OTLP_* variables say where to.',
  ),
  traceRatio: setting(
    share,
    'share',
    1,
    'Of the requests without a traceparent, the share that is traced, from 0 to 1; the others follow their caller.',
  ),
  docs: setting(flag, 'true or false', 'true', 'Serves /docs and /openapi.json.'),
  maxTextBodyBytes: setting(whole(1_000, 1_000 * MB), 'bytes', 2 * MB, 'JSON body that carries text.'),
  maxImageBodyBytes: setting(
    whole(1_000, 1_000 * MB),
    'bytes',
    20 * MB,
    'Body that carries image files; as base64 in JSON it may be a third larger (27 MB).',
  ),
  maxTensorBodyBytes: setting(
    whole(1_000, 1_000 * MB),
    'bytes',
    64 * MB,
    'Body that carries tensors under /v2, uncompressed; a message of gRPC.',
  ),
  maxImagePixels: setting(
    whole(1_000, 1_000 * MB),
    'pixels',
    25 * MB,
    'Checked in the file’s header before it is decoded; 25 MP take up to 250 MB of a worker while they are decoded, WebP the most.',
  ),
  maxReceivingBytes: setting(
    autoOr(1_000, 100_000 * MB),
    'bytes',
    'auto',
    'All bodies held at once, those still being received included: bounds the memory of the main process. auto is 256 MB, or an eighth of the memory where that is less.',
  ),
  maxInputs: setting(whole(1, 100_000), 'inputs', 128, 'Inputs of one request.'),
  maxInputChars: setting(whole(1, 10 * MB), 'characters', 10_000, 'Length of one text, in UTF-16 units.'),
  maxHeaderBytes: setting(whole(1_024, MB), 'bytes', 16_384, 'Request line and headers.'),
  maxConnections: setting(whole(1, 1_000_000), 'connections', 10_000, 'Sockets held open at once; more are closed.'),
  bodyTimeoutMs: setting(whole(10, 3_600_000), 'ms', 30_000, 'A request must have arrived by then: ends slow senders.'),
  keepAliveTimeoutMs: setting(
    whole(100, 3_600_000),
    'ms',
    72_000,
    'An idle connection stays open: longer than the 60 s of common load balancers.',
  ),
  defaultTimeoutMs: setting(whole(1, 3_600_000), 'ms', 30_000, 'Deadline of a request without timeout_ms.'),
  maxTimeoutMs: setting(whole(1, 3_600_000), 'ms', 120_000, 'Largest timeout_ms a request may ask for.'),
  maxQueueItems: setting(
    whole(1, 10_000_000),
    'items',
    4_096,
    'Items waiting for a worker; more are refused with 429.',
  ),
  maxQueueMs: setting(
    whole(1, 3_600_000),
    'ms',
    10_000,
    'Predicted time until a new item gets a worker; where it is longer, requests are refused with 429.',
  ),
  maxQueueBytes: setting(
    autoOr(1_000, 100_000 * MB),
    'bytes',
    'auto',
    'Encoded items waiting for a worker. auto is 256 MB, or an eighth of the memory where that is less.',
  ),
  shareIdentical: setting(
    flag,
    'true or false',
    'true',
    'Equal items in flight at the same time share one computation.',
  ),
  cacheBytes: setting(whole(0, 100_000 * MB), 'bytes', 0, 'Answers kept for items that come again; 0 keeps none.'),
  maxBatchItems: setting(
    autoOr(1, 4_096),
    'items',
    'auto',
    'Items of one batch: what batches cost decides within it. auto is 16 for a version that runs on a CPU and 128 on CUDA.',
  ),
  maxBatchImages: setting(
    autoOr(1, 4_096),
    'images',
    'auto',
    'Images of one batch. auto is 2 on a CPU, where more save nothing and a worker keeps the memory of its largest batch, and 32 on CUDA.',
  ),
  maxBatchTokens: setting(
    autoOr(1, 10_000_000),
    'tokens',
    'auto',
    'Tokens of a batch of texts, padding included: bounds the memory of a worker. auto is 512 on a CPU, where larger batches save nothing, and 16384 on CUDA.',
  ),
  quarantineMs: setting(
    whole(0, 86_400_000),
    'ms',
    600_000,
    'An input that ended two workers while it ran alone is refused for so long; 0 refuses none.',
  ),
  shutdownGraceMs: setting(
    whole(0, 3_600_000),
    'ms',
    0,
    'After SIGTERM the server is not ready, but serves for so long, until load balancers have seen it; 503 after.',
  ),
  maxQueueDelayMs: setting(
    whole(0, 10_000),
    'ms',
    0,
    'A batch that more items could join is held so long, counted from its oldest item. Batches grow without it as soon as there is more to do than workers: on a CPU it only costs time.',
  ),
  calibrate: setting(
    flag,
    'true or false',
    'true',
    'Measures after the start what batches cost here, with workers that have nothing to do: a second of their time a version at most. Without it predictions are rough until enough requests have run.',
  ),
  drainTimeoutMs: setting(
    whole(0, 3_600_000),
    'ms',
    25_000,
    'Accepted requests may take this long after SIGTERM and the grace; below the 30 s of Kubernetes.',
  ),
  spareWorkers: setting(
    whole(0, 64),
    'processes',
    0,
    'Workers that wait, models loaded, to take the place of one that ends; each takes the memory of a worker.',
  ),
  runTimeoutMs: setting(
    whole(100, 3_600_000),
    'ms',
    10_000,
    'A batch that runs longer hangs: its worker is killed, and the batch runs once more.',
  ),
  recycleBatches: setting(whole(0, 1_000_000_000), 'batches', 0, 'A worker is replaced after so many; 0 is never.'),
  recycleBytes: setting(
    whole(0, 1_000_000 * MB),
    'bytes',
    0,
    'A worker with more resident memory is replaced, if it has grown by a quarter; 0 is never.',
  ),
  workerStartTimeoutMs: setting(whole(100, 3_600_000), 'ms', 60_000, 'A worker that is not ready by then is replaced.'),
} as const;

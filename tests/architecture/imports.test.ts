import { expect, test } from 'vitest';
import { sourceFiles } from './source-files.ts';

/**
 *     main → http → pipelines → scheduler → (interface) ← workers
 *
 * What a room may import beside itself and the leaves; a room that is not named here is a new one: give it a place.
 */
const LEAVES = ['config.ts', 'errors.ts', 'off-heap.ts', 'server-phase.ts', 'settled-watch.ts', 'tensor.ts'];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'setting.ts': [],
  'settings.ts': ['setting.ts'],
  // Quotas and limits of the machine; nobody but the configuration has to know where they come from.
  machine: [],
  'config.ts': ['settings.ts', 'machine'],
  'errors.ts': [],
  'off-heap.ts': [],
  'server-phase.ts': ['errors.ts'],
  'settled-watch.ts': [],
  'tensor.ts': [],
  repository: LEAVES,
  // Who gets in, and by what certificate.
  security: LEAVES,
  scheduler: LEAVES,
  pipelines: [...LEAVES, 'repository', 'scheduler'],
  workers: [...LEAVES, 'repository', 'scheduler'],
  // The Open Inference Protocol without a transport; http and grpc are its two.
  'open-inference': [...LEAVES, 'repository', 'scheduler', 'pipelines'],
  http: [...LEAVES, 'repository', 'scheduler', 'pipelines', 'open-inference', 'security'],
  // The transport of gRPC, which knows nothing of it.
  http2: ['off-heap.ts'],
  // Of http what observers hear, and what both write or read in the same way.
  grpc: [...LEAVES, 'repository', 'scheduler', 'pipelines', 'open-inference', 'http', 'http2', 'security'],
  // What becomes of versions: loads, verifies, switches and retires them.
  lifecycle: [...LEAVES, 'repository', 'scheduler', 'pipelines', 'workers'],
  // Implements the observers that the other rooms own.
  observability: [...LEAVES, 'repository', 'scheduler', 'pipelines', 'workers', 'http', 'security'],
  // The servers of the transports, as one.
  'listeners.ts': [...LEAVES, 'http', 'grpc'],
  'server.ts': [
    'listeners.ts',
    ...LEAVES,
    'repository',
    'scheduler',
    'pipelines',
    'workers',
    'lifecycle',
    'open-inference',
    'http',
    'grpc',
    'observability',
    'security',
    'surroundings.ts',
  ],
  // What the server finds out before it is made.
  'surroundings.ts': ['config.ts', 'lifecycle', 'observability', 'workers'],
  'main.js': ['serve.ts'],
  'serve.ts': ['config.ts', 'errors.ts', 'server.ts', 'workers'],
  // `npm run doctor`.
  doctor: ['config.ts', 'errors.ts', 'machine', 'repository', 'workers'],
  'doctor.ts': ['doctor'],
  // `npm run key`.
  'key.ts': ['errors.ts', 'security'],
  'health-check.js': [],
};

/** Packages that one place alone may know. */
const ONLY_IN: Readonly<Record<string, RegExp>> = {
  'onnxruntime-node': /^workers\/onnx-session\.ts$/,
  sharp: /^workers\/image-processor\.ts$/,
  fastify: /^http\//,
  'prom-client': /^observability\/(metrics|request-metrics|version-metrics|key-metrics|worker-metrics)\.ts$/,
  'pino-pretty': /^observability\/logger\.ts$/,
  '@huggingface/tokenizers': /^pipelines\/tokenizer\.ts$/,
  protobufjs: /^(repository\/onnx-graph|grpc\/grpc-status)\.ts$/,
  '@grpc/grpc-js': /^grpc\/grpc-server\.ts$/,
  '@grpc/proto-loader': /^grpc\/grpc-server\.ts$/,
  '@grpc/reflection': /^grpc\/grpc-server\.ts$/,
};

const files = sourceFiles();

test.each(files)('$name imports only what its room may', ({ name, room, files: imported }) => {
  const allowed = MAY_IMPORT[room];
  expect(allowed, `${name} lies in a room that the rules do not know`).toBeDefined();
  const wrong = imported.filter((file) => file.room !== room && !allowed?.includes(file.room));
  expect(wrong.map((file) => file.name)).toEqual([]);
});

test('the observers that observability implements are only types to it', () => {
  const imported = files.filter(({ room }) => room === 'observability').flatMap((file) => file.files);
  const values = imported.filter(
    ({ room, typeOnly }) => !typeOnly && ['http', 'scheduler', 'pipelines', 'workers', 'security'].includes(room),
  );
  expect(values).toEqual([]);
});

test.each(Object.entries(ONLY_IN))('only its own place imports %s', (name, place) => {
  const importers = files.filter(({ packages }) => packages.includes(name)).map((file) => file.name);
  expect(importers.filter((importer) => !place.test(importer))).toEqual([]);
});

test('only traces import OpenTelemetry', () => {
  const importers = files.filter(({ packages }) => packages.some((name) => name.startsWith('@opentelemetry/')));
  const places = [
    'observability/reporting-exporter.ts',
    'observability/spanned-request.ts',
    'observability/tracing.ts',
  ];
  expect(importers.map(({ name }) => name).sort()).toEqual(places);
});

test('only http imports Fastify’s plugins', () => {
  const importers = files.filter(({ packages }) => packages.some((name) => name.startsWith('@fastify/')));
  expect(importers.filter(({ room }) => room !== 'http')).toEqual([]);
});

const IMPORTS = new Map(
  files.map((file) => [file.name, file.files.filter(({ typeOnly }) => !typeOnly).map(({ name }) => name)]),
);

test('no file needs itself to be loaded first', () => {
  const cycles: string[] = [];
  const visit = (name: string, way: readonly string[]): void => {
    if (way.includes(name)) cycles.push([...way.slice(way.indexOf(name)), name].join(' → '));
    else for (const next of IMPORTS.get(name) ?? []) visit(next, [...way, name]);
  };
  for (const name of IMPORTS.keys()) visit(name, []);
  expect(cycles).toEqual([]);
});

test('a worker loads its runtime and the decoder of images, and no other package: there is one for every core', () => {
  const loaded = new Set(['workers/worker.ts']);
  for (const name of loaded) for (const next of IMPORTS.get(name) ?? []) loaded.add(next);
  const packages = files.filter(({ name }) => loaded.has(name)).flatMap((file) => file.packages);
  const others = packages.filter((name) => !name.startsWith('node:'));
  expect([...new Set(others)].sort()).toEqual(['onnxruntime-node', 'sharp']);
});

test.each(files)('$name is one room, not two', ({ lines }) => {
  expect(lines).toBeLessThanOrEqual(300);
});

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { runClosedLoop } from './closed-loop.ts';
import { type CpuProfile, type PartOf, timeByPart } from './cpu-profile.ts';
import { jsonRequest } from './http-request.ts';
import { ownCpuSeconds } from './process-tree.ts';
import { readSentences } from './sentences.ts';

/**
 * `npm run budget [-- --connections 16 --seconds 10 --tracing]`: what the main process spends on a request, part by part, as V8's
 * sampling profiler sees it, in µs; with --tracing, every request is traced, and its spans are sent. The total is the kernel's own account of the process without the profiler.
 */

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '10' },
    models: { type: 'string', default: 'models' },
    tracing: { type: 'boolean', default: false },
  },
});
const connections = Number(values.connections);
const seconds = Number(values.seconds);
const WARM_UP_SECONDS = 4;
const SAMPLE_EVERY_US = 250;

const IDLE = '(idle)';
const HTTP = 'HTTP: sockets, routes';
/** The first that a file's address contains counts; a native function belongs to whoever called it. */
const PARTS: readonly (readonly [string, string])[] = [
  ['/@opentelemetry/', 'trace'],
  ['src/observability/tracing.ts', 'trace'],
  ['src/observability/spanned-request.ts', 'trace'],
  ['/tokenizers/', 'tokenise'],
  ['src/pipelines/tokenizer.ts', 'tokenise'],
  ['/zod', 'validate (zod), both ways'],
  ['/type-provider-zod/', 'validate (zod), both ways'],
  ['src/http/body-parsers.ts', 'read and parse the body'],
  ['src/http/body-reader.ts', 'read and parse the body'],
  ['src/http/event-loop-turns.ts', HTTP],
  ['src/workers/', 'wire to the workers'],
  ['src/scheduler/', 'schedule'],
  ['src/pipelines/', 'encode and decode, the tokeniser apart'],
  ['/pino/', 'log'],
  ['/sonic-boom/', 'log'],
  ['/prom-client/', 'metrics'],
  ['src/observability/', 'metrics'],
  ['fastify/lib/reply.js', 'serialise and write the answer'],
  ['/fastify/', HTTP],
  ['/find-my-way/', HTTP],
  ['src/http/plain/plain-connection', HTTP],
  ['src/http/plain/', 'read the request, make the answer'],
  ['src/http/', HTTP],
];

const partOf: PartOf = ({ functionName, url }) => {
  if (url !== '') return PARTS.find(([file]) => url.includes(file))?.[1] ?? null;
  switch (functionName) {
    case '(garbage collector)':
      return 'garbage collection';
    case IDLE:
      return IDLE;
    case '(root)':
      return HTTP;
    default:
      return null;
  }
};

const sentences = await readSentences();
// Takes spans, and looks at none: what reading them costs is the collector's.
const collector = createServer((request, response) => request.resume().on('end', () => response.end('{}')));
const collectorPort = await new Promise<number>((resolve) => {
  collector.listen(0, '127.0.0.1', () => resolve((collector.address() as AddressInfo).port));
});
const plain = await measure(null);
const folder = await mkdtemp(path.join(tmpdir(), 'serval-budget-'));
try {
  const profiled = await measure(folder);
  const times = timeByPart(await readProfile(folder), partOf, profiled.warmAtMs);
  times.delete(IDLE);
  print(times, plain.cpuUs);
} finally {
  await rm(folder, { recursive: true });
  collector.close();
  collector.closeAllConnections();
}

/** @returns µs of the main process for a request, and when after its start the load that counts began. */
async function measure(profileFolder: string | null): Promise<{ cpuUs: number; warmAtMs: number }> {
  const profiling = ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-interval=${SAMPLE_EVERY_US}`];
  const begun = performance.now();
  const serval = await startServal({
    models: values.models,
    settings: { LOG_LEVEL: 'info', TRACING: values.tracing ? 'otlp' : 'off' },
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}` },
    nodeArguments: profileFolder === null ? [] : profiling,
  });
  try {
    await load(serval.url, WARM_UP_SECONDS);
    const warmAtMs = performance.now() - begun;
    const before = await ownCpuSeconds(serval.pid);
    const answered = await load(serval.url, seconds);
    return { cpuUs: (((await ownCpuSeconds(serval.pid)) - before) * 1e6) / answered, warmAtMs };
  } finally {
    await serval.stop();
  }
}

async function load(url: string, seconds: number): Promise<number> {
  const { answered } = await runClosedLoop({
    url,
    connections,
    seconds,
    requests: (connection) => {
      const from = Math.floor((connection * sentences.length) / connections);
      return [...sentences.slice(from), ...sentences.slice(0, from)].map(({ text }) =>
        jsonRequest('/predict', { inputs: text }),
      );
    },
    check: () => {},
  });
  return answered;
}

async function readProfile(folder: string): Promise<CpuProfile> {
  const [file] = await readdir(folder);
  if (file === undefined) throw new Error('the server left no profile');
  return JSON.parse(await readFile(path.join(folder, file), 'utf8')) as CpuProfile;
}

function print(times: ReadonlyMap<string, number>, totalUs: number): void {
  const totalMs = [...times.values()].reduce((total, ms) => total + ms, 0);
  console.log(`| part | µs a request |\n|---|---|`);
  for (const [part, ms] of [...times].sort((a, b) => b[1] - a[1])) {
    console.log(`| ${part} | ${((ms / totalMs) * totalUs).toFixed(1)} |`);
  }
  console.log(`| **all of the main process** | **${totalUs.toFixed(0)}** |`);
}

import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../tests/fixtures/temporary-folder.ts';
import { identityGraph } from '../tests/fixtures/tensor-models.ts';
import { writeFiles } from '../tests/fixtures/text-model.ts';
import { HealthProbe } from './health-probe.ts';
import { ROOT } from './serval-target.ts';
import { median } from './statistics.ts';

/**
 * `node load-tests/tensors.ts --python <with tritonclient> [--count 500] [--no-cache]`, as a server is from its second start on
 * or, with --no-cache, without weights that workers share:
 * - what a binary FP32 tensor of 1×3×224×224 costs the server beyond the model's run: at most 1.5 ms, by the request's time
 *   in the log, which begins with its headers and ends with its answer. To the bundled image model, which answers with 1,000
 *   scores; and, for comparison, to a graph that gives back the tensor itself;
 * - how long 5 MB of JSON numbers hold up other requests: at most 50 ms.
 */

const MAX_OVERHEAD_MS = 1.5;
const MAX_STALL_MS = 50;
const BUNDLED = 'imagenet';
const IDENTITY = 'identity';
const WARM_UP_REQUESTS = 300;
const JSON_BYTES = 5_000_000;
const JSON_REQUESTS = 10;

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    count: { type: 'string', default: '500' },
    cache: { type: 'boolean', default: true },
  },
  allowNegative: true,
});

interface ClientReport {
  readonly binary_ms: readonly number[];
  readonly json_ms: readonly number[];
  readonly run_ms: number;
}

const folder = await makeFolder();
const models = path.join(folder, 'models');
await cp(path.join(ROOT, 'models', BUNDLED), path.join(models, BUNDLED), { recursive: true });
await writeFiles(path.join(models, IDENTITY), {
  'model.onnx': identityGraph('float32', ['batch', 'channels', 'height', 'width']),
});
await writeFiles(path.join(models, 'row'), { 'model.onnx': identityGraph('float32', ['batch']) });
if (values.cache) await fillCache();
const serval = await start();

function start(): Promise<ServalProcess> {
  const cacheDir = values.cache ? path.join(folder, 'cache') : 'off';
  const settings = { LOG_LEVEL: 'info', MAX_TENSOR_BODY_BYTES: 64_000_000, CACHE_DIR: cacheDir };
  return startServal({ models, settings });
}

/** A server's first start: the next ones find the weights that their workers share. */
async function fillCache(): Promise<void> {
  const first = await start();
  await first.whenLogged('weights to share are in the cache');
  await first.stop();
}

/** @returns ms over the run, of the median request. */
async function measure(model: string): Promise<number> {
  const script = path.join(ROOT, 'load-tests/triton/tensors.py');
  const given = [script, new URL(serval.url).host, model, values.count, String(WARM_UP_REQUESTS)];
  const { stdout } = await promisify(execFile)(values.python, given, { maxBuffer: 64_000_000 });
  const report = JSON.parse(stdout) as ClientReport;
  const logged = serval
    .logged('request')
    .filter((line) => line.model === model)
    .slice(WARM_UP_REQUESTS, WARM_UP_REQUESTS + report.binary_ms.length)
    .map(({ ms }) => Number(ms));
  const overMs = median(logged) - report.run_ms;
  console.log(
    `${model}: binary ${median(report.binary_ms).toFixed(2)} ms at the client, ${median(logged).toFixed(2)} ms at the server, of which the run ${report.run_ms.toFixed(2)} ms (${report.binary_ms.length} requests); JSON ${median(report.json_ms).toFixed(0)} ms`,
  );
  return overMs;
}

try {
  const overheadMs = await measure(`${BUNDLED}.graph`);
  console.log(`over the run: ${overheadMs.toFixed(2)} ms (at most ${MAX_OVERHEAD_MS})`);
  console.log(`over the run, the same tensor back: ${(await measure(IDENTITY)).toFixed(2)} ms`);

  const data = Array.from({ length: JSON_BYTES / 10 }, (_, at) => (at % 1000) / 7000 + 0.1).map((value) =>
    value.toFixed(7),
  );
  const body = `{"inputs":[{"name":"x","datatype":"FP32","shape":[${data.length}],"data":[${data.join(',')}]}]}`;
  const probe = await HealthProbe.start({ port: serval.port, path: '/health/live', everyMs: 2 });
  for (let sent = 0; sent < JSON_REQUESTS; sent++) {
    const response = await fetch(`${serval.url}/v2/models/row/infer`, { method: 'POST', body });
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    await response.arrayBuffer();
  }
  const stallMs = Math.max(...(await probe.stop()));
  console.log(
    `${(body.length / 1e6).toFixed(1)} MB of JSON: others waited at most ${stallMs.toFixed(1)} ms (at most ${MAX_STALL_MS})`,
  );
  process.exitCode = overheadMs <= MAX_OVERHEAD_MS && stallMs <= MAX_STALL_MS ? 0 : 1;
} finally {
  await serval.kill();
  await removeFolder(folder);
}

import { execFile } from 'node:child_process';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../tests/fixtures/temporary-folder.ts';
import { identityGraph } from '../tests/fixtures/tensor-models.ts';
import { writeFiles } from '../tests/fixtures/text-model.ts';
import { HealthProbe } from './health-probe.ts';
import { ROOT } from './serval-target.ts';
import { median } from './statistics.ts';

/**
 * `node load-tests/tensors.ts --python <with tritonclient> [--count 500]`:
 * - what a binary FP32 tensor of 1×3×224×224 costs the server beyond the model's run: at most 1.5 ms, by the request's time
 *   in the log, which begins with its headers and ends with its answer;
 * - how long 5 MB of JSON numbers hold up other requests: at most 50 ms.
 */

const MAX_OVERHEAD_MS = 1.5;
const MAX_STALL_MS = 50;
const MODEL = 'identity';
const JSON_BYTES = 5_000_000;
const JSON_REQUESTS = 10;

const { values } = parseArgs({
  options: { python: { type: 'string', default: 'python3' }, count: { type: 'string', default: '500' } },
});

interface ClientReport {
  readonly binary_ms: readonly number[];
  readonly json_ms: readonly number[];
  readonly server_ms: number;
  readonly run_ms: number;
  readonly collate_ms: number;
}

const folder = await makeFolder();
await writeFiles(path.join(folder, MODEL), {
  'model.onnx': identityGraph('float32', ['batch', 'channels', 'height', 'width']),
});
await writeFiles(path.join(folder, 'row'), { 'model.onnx': identityGraph('float32', ['batch']) });
const serval = await startServal({
  models: folder,
  settings: { LOG_LEVEL: 'info', MAX_TENSOR_BODY_BYTES: 64_000_000 },
});
try {
  const host = new URL(serval.url).host;
  const script = path.join(ROOT, 'load-tests/triton/tensors.py');
  const run = promisify(execFile);
  const { stdout } = await run(values.python, [script, host, MODEL, values.count], { maxBuffer: 64_000_000 });
  const report = JSON.parse(stdout) as ClientReport;
  // The binary requests are the first ones of the log, after ten to warm up.
  const logged = serval
    .logged('request')
    .filter(({ model }) => model === MODEL)
    .slice(10, 10 + report.binary_ms.length)
    .map(({ ms }) => Number(ms));
  const overheadMs = median(logged) - report.run_ms;
  console.log(
    `binary, at the client: ${median(report.binary_ms).toFixed(2)} ms (median of ${report.binary_ms.length})`,
  );
  console.log(
    `binary, at the server: ${median(logged).toFixed(2)} ms, of which the run ${report.run_ms.toFixed(2)} ms`,
  );
  console.log(`JSON, at the client: ${median(report.json_ms).toFixed(0)} ms`);
  console.log(`over the run: ${overheadMs.toFixed(2)} ms (at most ${MAX_OVERHEAD_MS})`);

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

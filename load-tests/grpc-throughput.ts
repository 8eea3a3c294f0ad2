import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { readSentences } from './sentences.ts';
import { ROOT } from './serval-target.ts';
import { median } from './statistics.ts';

/**
 * `node load-tests/grpc-throughput.ts --python <with tritonclient> [--rounds 6] [--seconds 5]`: sentiment by gRPC and by the
 * REST JSON route, by the same client in turns, is at least as fast by gRPC.
 */

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '5' },
  },
});

const serval = await startServal({
  models: 'models',
  settings: { WORKERS: 'auto', GRPC_PORT: 0, LOG_LEVEL: 'info', SHARE_IDENTICAL: 'false' },
});
try {
  const grpcPort = (await serval.whenLogged('listening for gRPC')).port;
  const client = spawn(
    values.python,
    [
      path.join(ROOT, 'load-tests/triton/throughput.py'),
      new URL(serval.url).host,
      `127.0.0.1:${grpcPort}`,
      values.rounds,
      values.seconds,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  client.stdin.end((await readSentences()).map((sentence) => sentence.text.replaceAll('\n', ' ')).join('\n'));
  const [output] = await Promise.all([text(client.stdout), once(client, 'exit')]);
  const { rest, grpc } = JSON.parse(output) as { readonly rest: readonly number[]; readonly grpc: readonly number[] };
  const ratios = grpc.map((figure, round) => figure / (rest[round] ?? Number.NaN));
  console.log(
    `REST, JSON: ${median(rest).toFixed(0)} requests/s (${rest.map((figure) => figure.toFixed(0)).join(', ')})`,
  );
  console.log(
    `gRPC:       ${median(grpc).toFixed(0)} requests/s (${grpc.map((figure) => figure.toFixed(0)).join(', ')})`,
  );
  console.log(`gRPC / REST, median of the rounds: ${median(ratios).toFixed(3)} (at least 1)`);
  process.exitCode = median(ratios) >= 1 ? 0 : 1;
} finally {
  await serval.kill();
}

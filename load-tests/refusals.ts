import { parseArgs } from 'node:util';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { type ClosedLoopReport, runClosedLoop } from './closed-loop.ts';
import type { HttpRequest } from './http-request.ts';
import { type OpenLoopReport, runOpenLoop } from './open-loop.ts';
import { usageOf } from './process-tree.ts';
import { toServalRequest } from './serval-target.ts';
import { median } from './statistics.ts';
import { readWork } from './work.ts';

/**
 * `npm run refusals [-- --rounds N --seconds N --rate N]`: what a refusal costs on a connection that is kept open. The
 * workers are kept busy by real sentences, with and without a flood beside them that allows 1 ms, which is too little
 * for any answer; the CPU time that the flood adds to the tree, for what was served alike, is the refusals'. Fails above
 * 2 % of what a served sentence costs, and where a refusal takes more than 10 ms (p99).
 */

/** Enough that something always waits: what comes is refused before its body is read. */
const CONNECTIONS = 32;
const MAX_SHARE = 0.02;
const MAX_P99_MS = 10;
/** The margin at both ends of the flood is as long as its deadline. */
const FLOOD_DEADLINE_MS = 500;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '500' },
  },
});
const seconds = Number(values.seconds);
const work = await readWork('text real');

interface Phase {
  readonly cpuMs: number;
  readonly served: number;
  readonly flood: OpenLoopReport | null;
  readonly refused: number;
}

const serval = await startServal({
  models: 'models',
  settings: { WORKERS: 'auto', CALIBRATE: 'true', SHARE_IDENTICAL: 'false', LOG_LEVEL: 'info' },
});
const shares: number[] = [];
const latencies: number[] = [];
try {
  await phase(serval, false, 0);
  for (let round = 1; round <= Number(values.rounds); round++) {
    // In turns, so that a machine that changes its pace changes it for both.
    const [calm, flooded] = [await phase(serval, false, round), await phase(serval, true, round)];
    const servedMs = calm.cpuMs / calm.served;
    const refusalMs = (flooded.cpuMs - servedMs * flooded.served) / flooded.refused;
    shares.push(refusalMs / servedMs);
    latencies.push(flooded.flood?.refusalP99Ms ?? Number.NaN);
    console.log(
      `served ${servedMs.toFixed(2)} ms of CPU each, ${flooded.refused} refused at ${(refusalMs * 1000).toFixed(0)} µs each ` +
        `(${((100 * refusalMs) / servedMs).toFixed(1)} %), p99 ${flooded.flood?.refusalP99Ms.toFixed(1)} ms`,
    );
  }
} finally {
  await serval.stop();
}
const [share, p99] = [median(shares), median(latencies)];
console.log(`a refusal costs ${(100 * share).toFixed(1)} % of a served sentence and takes ${p99.toFixed(1)} ms (p99)`);
if (!(share <= MAX_SHARE)) fail(`a refusal may cost ${100 * MAX_SHARE} % of a served sentence`);
if (!(p99 <= MAX_P99_MS)) fail(`a refusal may take ${MAX_P99_MS} ms (p99)`);

function fail(fault: string): void {
  console.error(`FAILED: ${fault}`);
  process.exitCode = 1;
}

async function phase(server: ServalProcess, isFlooded: boolean, round: number): Promise<Phase> {
  const [before, refusedBefore] = [await usageOf(server.pid), await refusals(server)];
  const [closed, flood] = await Promise.all([keepBusy(server, round), isFlooded ? sendFlood(server, round) : null]);
  const after = await usageOf(server.pid);
  const refused = (await refusals(server)) - refusedBefore;
  return { cpuMs: (after.cpuSeconds - before.cpuSeconds) * 1000, served: closed.answered, flood, refused };
}

function refusals(server: ServalProcess): Promise<number> {
  return server.metric('serval_rejections_total{reason="SERVAL_OVERLOADED"}');
}

function keepBusy(server: ServalProcess, round: number): Promise<ClosedLoopReport> {
  return runClosedLoop({
    url: server.url,
    connections: CONNECTIONS,
    seconds,
    requests: (at) =>
      Array.from({ length: Math.floor(work.size / CONNECTIONS) }, (_, k) =>
        toServalRequest(work.input(round * 37 + at + k * CONNECTIONS, at), { deadlineMs: null }),
      ),
    check: ({ status }) => {
      if (status !== 200) throw new Error(`an answer had status ${status}`);
    },
  });
}

function sendFlood(server: ServalProcess, seed: number): Promise<OpenLoopReport> {
  const plain = toServalRequest(work.input(0, 0), { deadlineMs: null });
  const request: HttpRequest = { ...plain, headers: { ...plain.headers, 'x-request-timeout-ms': '1' } };
  return runOpenLoop({
    host: '127.0.0.1',
    port: server.port,
    request: () => request,
    rate: Number(values.rate),
    // What it sends before and after counts as well, as the CPU time does; all of it while the workers are busy.
    seconds: seconds - (2 * FLOOD_DEADLINE_MS) / 1000,
    deadlineMs: FLOOD_DEADLINE_MS,
    newConnectionShare: 0,
    seed,
    check: () => {},
  });
}

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import type { LoopOrder, LoopReport } from './bare/loop.ts';
import { usageOf } from './process-tree.ts';
import { readSentences } from './sentences.ts';

/**
 * `node load-tests/text.ts [rounds] [seconds]`: throughput of text at 16 and 64 connections against two bare processes
 * that tokenise and run in a loop, interleaved in one run.
 */

const folder = process.env.BENCH_MODEL ?? 'models/sentiment/2';
const models = process.env.BENCH_MODELS ?? 'models';
const rounds = Number(process.argv[2] ?? 5);
const seconds = Number(process.argv[3] ?? 5);
const texts = [...new Set((await readSentences()).map(({ text }) => text))];

const loops = [0, 1].map(() =>
  fork(fileURLToPath(new URL('bare/loop.ts', import.meta.url)), [folder], {
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  }),
);
await Promise.all(loops.map((loop) => once(loop, 'message')));
const server = spawn(process.execPath, ['src/main.ts'], {
  env: { ...process.env, SERVAL_PORT: '0', SERVAL_MODELS: models, SERVAL_LOG_FORMAT: 'json', ...serverEnv() },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await readyUrl(server);

function serverEnv(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith('SERVAL_')) as [string, string][]);
}

async function readyUrl(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    const url = /"url":"([^"]+)".*"msg":"ready"/.exec(text)?.[1];
    if (url !== undefined) {
      child.stdout?.resume();
      return url;
    }
  }
  throw new Error(text);
}

async function bare(round: number) {
  const reports = await Promise.all(
    loops.map(async (loop, at) => {
      const places = texts.map((_, place) => (round * 500 + at * 1800 + place) % texts.length);
      loop.send({ work: 'text real', seconds, places } satisfies LoopOrder);
      const [report] = (await once(loop, 'message')) as [LoopReport];
      return report;
    }),
  );
  const rate = reports.reduce((total, { items, seconds }) => total + items / seconds, 0);
  const cpuMs = (1000 * reports.reduce((t, r) => t + r.cpuSeconds, 0)) / reports.reduce((t, r) => t + r.items, 0);
  return { rate, cpuMs };
}

async function served(connections: number, round: number) {
  const before = await usageOf(server.pid ?? 0);
  const mainBefore = await mainCpu();
  let next = round * 37;
  const result = await autocannon({
    url: `${url}/models/sentiment/predict`,
    connections,
    duration: seconds,
    setupClient: (client) => {
      const offset = next;
      next += Math.ceil(texts.length / connections);
      const requests = texts.map((_, at) => ({
        method: 'POST' as const,
        path: '/models/sentiment/predict',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ inputs: texts[(offset + at) % texts.length] }),
      }));
      client.setRequests(requests);
    },
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} not 2xx, ${result.errors} errors`);
  const after = await usageOf(server.pid ?? 0);
  const cpuMs = ((after.cpuSeconds - before.cpuSeconds) * 1000) / result.requests.total;
  const mainMs = (((await mainCpu()) - mainBefore) * 1000) / result.requests.total;
  return {
    rate: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    cpuMs,
    mainMs,
  };
}

async function mainCpu(): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1] ?? 0);
}

const ratios: Record<string, number[]> = { at1: [], at16: [], at64: [] };
await served(16, 0);
for (let round = 0; round < rounds; round++) {
  const raw = await bare(round);
  const at16 = await served(16, round);
  const at64 = await served(64, round);
  ratios.at16?.push(at16.rate / raw.rate);
  ratios.at64?.push(at64.rate / raw.rate);
  console.log(
    `round ${round}: raw ${raw.rate.toFixed(0)}/s cpu ${raw.cpuMs.toFixed(2)} ms |`,
    `16: ${at16.rate.toFixed(0)}/s ${(at16.rate / raw.rate).toFixed(3)} cpu ${at16.cpuMs.toFixed(2)} main ${at16.mainMs.toFixed(3)} p99 ${at16.p99} |`,
    `64: ${at64.rate.toFixed(0)}/s ${(at64.rate / raw.rate).toFixed(3)} cpu ${at64.cpuMs.toFixed(2)} main ${at64.mainMs.toFixed(3)} p99 ${at64.p99}`,
  );
}
for (const [name, values] of Object.entries(ratios)) {
  if (values.length > 0)
    console.log(name, 'median ratio', values.sort((a, b) => a - b)[values.length >> 1]?.toFixed(3));
}
const text = await (await fetch(`${url}/metrics`)).text();
console.log(
  text
    .split('\n')
    .filter((l) =>
      /batch_items_(sum|count)|run_duration_seconds_(sum|count)|collate_duration_seconds_(sum|count)/.test(l),
    )
    .join('\n'),
);
server.kill('SIGTERM');
for (const loop of loops) loop.kill();

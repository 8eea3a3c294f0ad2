import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { type HostileFile, hostileFiles } from './hostile-files.ts';
import { type Answer, FORMS, type Form, sendImage } from './image-request.ts';
import { withSalt } from './photographs.ts';
import { usageOf } from './process-tree.ts';
import { Random } from './random.ts';

/**
 * `npm run hostile -- [--count 500] [--seed 1] [--connections 16] [--phases 1]`
 *
 * Sends hostile image files mixed with as many good ones, in each phase the same. Fails unless every good one is answered
 * as it is on a calm server, every hostile one with a code that is documented for it, no worker ends, and the memory is
 * what it was after as many good ones.
 */

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    connections: { type: 'string', default: '16' },
    phases: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const connections = Number(values.connections);
const phases = Number(values.phases);
const GOLDEN = 'models/imagenet/1/golden';
/** What the tree's memory may differ by: the allocators keep some free pages, more of them the larger the pictures were. */
const MEMORY_TOLERANCE_BYTES = 48e6;
const SETTLE_MS = 5_000;

interface Sent {
  readonly name: string;
  readonly bytes: Buffer;
  readonly form: Form;
  /** Null for a good file. */
  readonly hostile: HostileFile | null;
}

const random = new Random(Number(values.seed));
const good = readdirSync(GOLDEN)
  .filter((file) => /\.(jpg|png|webp)$/.test(file) && !file.includes('12-mp'))
  .map((name) => ({ name, bytes: readFileSync(`${GOLDEN}/${name}`) }));
const hostile = hostileFiles(count, GOLDEN, random).map(
  (file): Sent => ({ ...file, form: formOf(file), hostile: file }),
);
// Salted: of the same bytes in flight, the server would compute one.
const friendly = Array.from({ length: count }, (_, salt): Sent => {
  const { name, bytes } = random.pick(good);
  return { name, bytes: withSalt(bytes, salt), form: random.pick(FORMS), hostile: null };
});
const mixed = random.shuffle([...hostile, ...friendly]);

/** A raw body of no bytes is no body at all. */
function formOf({ bytes }: HostileFile): Form {
  return bytes.byteLength === 0 ? 'multipart' : random.pick(FORMS);
}

const serval = await startServal({ models: 'models' });
const problems: string[] = [];
try {
  await check(serval);
} finally {
  await serval.stop();
}
for (const problem of problems) console.error(`✗ ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function check(server: ServalProcess): Promise<void> {
  const url = `${server.url}/models/imagenet`;
  const calm = new Map<string, Answer>();
  for (const { name, bytes } of good) calm.set(name, await sendImage({ url, bytes, form: 'raw', topK: 1000 }));
  // Once without hostile files, so that what good ones leave behind is not taken for theirs.
  await sendAll(url, friendly, () => {});
  await delay(SETTLE_MS);
  const before = await usageOf(server.pid);
  const restartsBefore = await server.metric('serval_worker_restarts_total');
  const workers = server.workerPids;

  const outcomes = new Map<string, number>();
  const goodMs: number[] = [];
  const begun = performance.now();
  const look = (sent: Sent, answer: Answer) => {
    const outcome = answer.code ?? String(answer.status);
    if (sent.hostile === null) {
      goodMs.push(answer.ms);
      if (answer.status === 200 && isDeepStrictEqual(answer.body.predictions, calm.get(sent.name)?.body.predictions))
        return;
      problems.push(`${sent.name} as ${sent.form}: answered ${outcome}, or not as on a calm server`);
      return;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (values.verbose)
      console.log(`${outcome.padEnd(22)} ${answer.ms.toFixed(0).padStart(5)} ms  ${sent.name} (${sent.form})`);
    const { codes, mayServe } = sent.hostile;
    const right = answer.status === 200 ? mayServe : codes.some((code) => code === answer.code);
    if (!right) problems.push(`${sent.name} as ${sent.form}: answered ${outcome}, not ${codes.join(' or ')}`);
  };
  const memory: number[] = [before.pssBytes];
  for (let phase = 0; phase < phases; phase++) {
    await sendAll(url, mixed, look);
    await delay(SETTLE_MS);
    memory.push((await usageOf(server.pid)).pssBytes);
  }
  const seconds = (performance.now() - begun) / 1000;
  const restarts = (await server.metric('serval_worker_restarts_total')) - restartsBefore;

  if (restarts !== 0) problems.push(`${restarts} workers ended`);
  if (!isDeepStrictEqual(server.workerPids, workers)) problems.push('the workers are not those of before');
  const grown = (memory.at(-1) ?? 0) - before.pssBytes;
  if (grown > MEMORY_TOLERANCE_BYTES) problems.push(`the tree's memory grew by ${megabytes(grown)}`);
  goodMs.sort((a, b) => a - b);
  console.log(
    `${phases} × ${mixed.length} files, half of them hostile, over ${connections} connections in ${seconds.toFixed(1)} s, seed ${values.seed}`,
  );
  console.log(`good: ${goodMs.length}, p50 ${quantile(goodMs, 0.5)} ms, p99 ${quantile(goodMs, 0.99)} ms`);
  for (const [outcome, times] of [...outcomes].sort((a, b) => b[1] - a[1]))
    console.log(`hostile: ${times} × ${outcome}`);
  console.log(`worker restarts: ${restarts}`);
  console.log(`memory of the tree (PSS), before and after each phase: ${memory.map(megabytes).join(', ')}`);
}

async function sendAll(url: string, all: readonly Sent[], look: (sent: Sent, answer: Answer) => void): Promise<void> {
  const left = [...all];
  const connection = async () => {
    for (let sent = left.shift(); sent !== undefined; sent = left.shift()) {
      const { bytes, form } = sent;
      look(sent, await sendImage({ url, bytes, form, topK: 1000 }));
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
}

function quantile(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

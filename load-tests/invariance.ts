import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { HttpConnection } from './http-connection.ts';
import { jsonRequest, toBytes } from './http-request.ts';
import { Random } from './random.ts';
import { readSentences } from './sentences.ts';

/**
 * `npm run invariance [-- --requests N]`: requests of one to four inputs for all bundled versions, all in flight at once,
 * each on its own connection; every answer must be what the same input got alone, as closely as the version's verdict
 * says. Fails as well where nothing ran in batches.
 */

const TEXTS = 250;
const SEED = 9;
const MAX_INPUTS = 4;
/** A score in a batch may differ from the one alone by so much; a version that runs items one by one gives the same. */
const INVARIANT_MOVE = 1e-3;
const ALONE_MOVE = 1e-6;
/** Below it the comparison would show nothing: texts must have run together. */
const MIN_MEAN_BATCH = 1.5;

/** What is asked for, and how often, in shares of the requests; the last gets what is left. */
const VERSIONS = [
  { model: 'sentiment', version: 2, share: 0.6 },
  { model: 'sentiment', version: 1, share: 0.2 },
  { model: 'mnist', version: 2, share: 0.1 },
  { model: 'mnist', version: 1, share: 0.07 },
  { model: 'imagenet', version: 1, share: 1 },
];

type Input = string | { readonly image: string };
type Scores = ReadonlyMap<string, number>;

interface Version {
  readonly name: string;
  readonly path: string;
  readonly share: number;
  readonly inputs: readonly Input[];
  /** Largest move of a score that the verdict allows. */
  readonly allowed: number;
  /** Each input's scores alone, in the order of the inputs. */
  readonly alone: Scores[];
  worst: number;
}

const { values } = parseArgs({ options: { requests: { type: 'string', default: '5000' } } });
const count = Number(values.requests);
const faults: string[] = [];

const serval = await startServal({
  models: 'models',
  settings: {
    WORKERS: 'auto',
    CALIBRATE: 'true',
    LOG_LEVEL: 'info',
    SHARE_IDENTICAL: 'false',
    MAX_QUEUE_ITEMS: 1_000_000,
    MAX_QUEUE_MS: 3_600_000,
    // Photographs as base64, all at once.
    MAX_QUEUE_BYTES: 4_000_000_000,
    MAX_RECEIVING_BYTES: 4_000_000_000,
    BODY_TIMEOUT_MS: 3_600_000,
    MAX_TIMEOUT_MS: 3_600_000,
    DEFAULT_TIMEOUT_MS: 3_600_000,
  },
});
try {
  await run(serval);
} finally {
  await serval.stop();
}
for (const fault of faults.slice(0, 10)) console.error(`FAILED: ${fault}`);
if (faults.length > 10) console.error(`and ${faults.length - 10} more`);
process.exitCode = faults.length === 0 ? 0 : 1;

async function run(server: ServalProcess): Promise<void> {
  const versions = await Promise.all(VERSIONS.map((version) => prepare(server, version)));
  const bar = new SingleBar({ format: '{bar} {value}/{total} {step}, {duration} s', hideCursor: true });
  bar.start(
    versions.reduce((total, { inputs }) => total + inputs.length, 0),
    0,
    { step: 'inputs alone' },
  );
  for (const version of versions) {
    for (const input of version.inputs) {
      version.alone.push(...(await predict(server, version, [input])));
      bar.increment();
    }
  }
  const before = await meanBatch(server);
  bar.start(count, 0, { step: 'requests at once' });
  const random = new Random(SEED);
  const requests = Array.from({ length: count }, () => drawRequest(random, versions));
  await Promise.all(
    requests.map(async ({ version, places }) => {
      await compare(server, version, places).catch((error: unknown) => faults.push(`${version.name}: ${error}`));
      bar.increment();
    }),
  );
  bar.stop();
  const after = await meanBatch(server);
  report(versions, (after.items - before.items) / (after.batches - before.batches));
}

async function prepare(server: ServalProcess, { model, version, share }: (typeof VERSIONS)[number]): Promise<Version> {
  const { body } = await server.get(`/models/${model}`);
  const { versions } = body as {
    versions: { version: number; batching: { verdict: string } | null; golden: { tolerance: number } }[];
  };
  const described = versions.find((candidate) => candidate.version === version);
  const verdict = described?.batching?.verdict ?? 'off';
  const allowed =
    verdict === 'invariant'
      ? INVARIANT_MOVE
      : verdict === 'within_tolerance'
        ? (described?.golden.tolerance ?? 0)
        : ALONE_MOVE;
  const path = `/models/${model}/versions/${version}/predict`;
  const inputs = model === 'sentiment' ? await texts() : await pictures(model, version);
  return { name: `${model}/${version}, ${verdict}`, path, share, inputs, allowed, alone: [], worst: 0 };
}

async function texts(): Promise<string[]> {
  const all = [...new Set((await readSentences()).map(({ text }) => text))];
  return all.filter((_, at) => at % Math.ceil(all.length / TEXTS) === 0);
}

async function pictures(model: string, version: number): Promise<Input[]> {
  const folder = new URL(`../models/${model}/${version}/`, import.meta.url);
  const { samples } = JSON.parse(await readFile(new URL('golden.json', folder), 'utf8')) as {
    samples: { input: { image: string } }[];
  };
  return Promise.all(
    samples.map(async ({ input }) => ({ image: await readFile(new URL(input.image, folder), 'base64') })),
  );
}

interface Drawn {
  readonly version: Version;
  /** Of its inputs. */
  readonly places: readonly number[];
}

function drawRequest(random: Random, versions: readonly Version[]): Drawn {
  const drawn = random.next();
  let sum = 0;
  const version = versions.find(({ share }) => {
    sum += share;
    return drawn < sum;
  });
  if (version === undefined) throw new Error('This is a bug: the shares are less than 1');
  const places = Array.from({ length: random.whole(1, MAX_INPUTS) }, () => random.whole(0, version.inputs.length - 1));
  return { version, places };
}

async function compare(server: ServalProcess, version: Version, places: readonly number[]): Promise<void> {
  const answers = await predict(
    server,
    version,
    places.map((place) => version.inputs[place] ?? ''),
  );
  for (const [at, place] of places.entries()) {
    const alone = version.alone[place] ?? new Map<string, number>();
    const moves = [...alone].map(([label, score]) => Math.abs(score - (answers[at]?.get(label) ?? Number.NaN)));
    const worst = moves.reduce((top, move) => (move <= top ? top : move), 0);
    version.worst = worst <= version.worst ? version.worst : worst;
    if (!(worst <= version.allowed)) faults.push(`${version.name}: input ${place} moved by ${worst}`);
  }
}

async function predict(server: ServalProcess, version: Version, inputs: readonly Input[]): Promise<Scores[]> {
  const address = { host: '127.0.0.1', port: server.port };
  const connection = new HttpConnection(address);
  const request = jsonRequest(version.path, { inputs, parameters: { top_k: 1_000 } });
  try {
    const { status, body } = await connection.send(toBytes(request, { ...address, closes: true }));
    if (status !== 200) throw new Error(`${version.path} answered ${status}: ${body.slice(0, 200)}`);
    const { predictions } = JSON.parse(body) as {
      predictions: { scores: { label: string; score: number }[] }[];
    };
    if (predictions.length !== inputs.length)
      throw new Error(`${predictions.length} answers to ${inputs.length} inputs`);
    return predictions.map(({ scores }) => new Map(scores.map(({ label, score }) => [label, score])));
  } finally {
    connection.close();
  }
}

async function meanBatch(server: ServalProcess): Promise<{ items: number; batches: number }> {
  const labels = '{model="sentiment",version="2"}';
  return {
    items: await server.metric(`serval_batch_items_sum${labels}`),
    batches: await server.metric(`serval_batch_items_count${labels}`),
  };
}

function report(versions: readonly Version[], mean: number): void {
  console.table(
    Object.fromEntries(
      versions.map(({ name, worst, allowed }) => [name, { 'largest move': worst.toExponential(1), allowed }]),
    ),
  );
  console.log(`${count} requests at once; sentiment/2 ran in batches of ${mean.toFixed(1)} on average`);
  if (!(mean >= MIN_MEAN_BATCH)) faults.push(`batches of ${mean.toFixed(1)} show nothing`);
}

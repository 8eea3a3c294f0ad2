import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createKey } from '../src/security/api-key.ts';
import { Gatekeeper } from '../src/security/gatekeeper.ts';
import { readKeyLines } from '../src/security/key-lines.ts';
import { KeyRing } from '../src/security/key-ring.ts';
import { makeKey } from '../tests/fixtures/api-keys.ts';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { Random } from './random.ts';
import { bootstrapInterval, median } from './statistics.ts';

/**
 * `npm run key-timing [-- --blocks N --requests N --keys N]`: whether the time of the check of an API key tells how near
 * the key is to a right one, in the process and over HTTP, and what the check costs. Kinds of keys come in random order;
 * what is shown is the median of each and its difference from that of a key made up at random, with the 95 % interval.
 */
const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '3000' },
    requests: { type: 'string', default: '4000' },
    keys: { type: 'string', default: '1000' },
  },
});
/** Lookups of a block: one alone is shorter than the clock is exact. */
const BLOCK = 50;

const clients = Array.from({ length: Number(values.keys) }, (_, at) =>
  makeKey(`client-${at}`, { rate: { per_second: 1e6, burst: 1e6 }, quota: { requests: 1e9, per: 'day' } }),
);
const lines = clients.map(({ line }) => line).join('\n');
const right = clients.map(({ key }) => key);

/**
 * Keys of each kind, all of one length and made before: as many different ones of each, since what comes again is
 * quicker whatever it is.
 */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  'made up at random': clients.map(() => createKey()),
  'right but for the first character': right.map((key) => withOther(key, 'serval_'.length)),
  'right but for the middle': right.map((key) => withOther(key, 'serval_'.length + 21)),
  // The one before the last: all six bits of it count.
  'right but for the end': right.map((key) => withOther(key, key.length - 2)),
};

function withOther(key: string, at: number): string {
  return `${key.slice(0, at)}${key[at] === 'A' ? 'B' : 'A'}${key.slice(at + 1)}`;
}

/** As a header's text is: one flat string that nothing knows yet. */
function fresh(key: string): string {
  return Buffer.from(key, 'latin1').toString('latin1');
}

function inProcess(): Map<string, number[]> {
  const ring = new KeyRing(readKeyLines([{ source: 'measured', text: lines }]));
  return inRandomOrder({ ...WRONG, right }, (keys) => {
    const begun = process.hrtime.bigint();
    for (const key of keys) ring.find(key);
    return Number(process.hrtime.bigint() - begun) / BLOCK;
  });
}

/** What a request with limits pays: lookup, limits, and the fields about them. */
function costOfCheck(): number {
  const ring = new KeyRing(readKeyLines([{ source: 'measured', text: lines }]));
  const gatekeeper = new Gatekeeper(() => ring, { keyUsed: () => {} });
  const times = inRandomOrder({ right }, (keys) => {
    const begun = process.hrtime.bigint();
    for (const presented of keys) {
      const { client } = gatekeeper.admit({ presented, scope: 'predict', model: 'sentiment', counts: true });
      if (client !== null) gatekeeper.limitFields(client);
    }
    return Number(process.hrtime.bigint() - begun) / BLOCK;
  });
  return median(times.get('right') ?? []);
}

async function overHttp(): Promise<Map<string, number[]>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'serval-keys-'));
  const file = path.join(folder, 'keys');
  await writeFile(file, lines);
  const settings = { API_KEYS_FILE: file, LOG_LEVEL: 'info', WORKERS: 1 };
  const serval = await startServal({ models: 'models', settings });
  try {
    const times = new Map<string, number[]>();
    const random = new Random(7);
    const kinds = Object.entries(WRONG);
    for (let sent = 0; sent < Number(values.requests) * kinds.length; sent++) {
      const [name, keys] = random.pick(kinds);
      const headers = { authorization: `Bearer ${random.pick(keys)}` };
      const begun = process.hrtime.bigint();
      const response = await fetch(`${serval.url}/v2`, { headers });
      await response.arrayBuffer();
      note(times, name, Number(process.hrtime.bigint() - begun));
      if (response.status !== 401) throw new Error(`a wrong key was answered with ${response.status}`);
    }
    return times;
  } finally {
    await serval.stop();
    await rm(folder, { recursive: true });
  }
}

/** Measures blocks of keys of one kind; the first tenth is for warming up. */
function inRandomOrder(
  kinds: Readonly<Record<string, readonly string[]>>,
  measure: (keys: readonly string[]) => number,
): Map<string, number[]> {
  const times = new Map<string, number[]>();
  const random = new Random(7);
  const all = Object.entries(kinds);
  const blocks = Number(values.blocks);
  for (let block = -blocks / 10; block < blocks * all.length; block++) {
    const [name, keys] = random.pick(all);
    const ns = measure(Array.from({ length: BLOCK }, () => fresh(random.pick(keys))));
    if (block >= 0) note(times, name, ns);
  }
  return times;
}

function note(times: Map<string, number[]>, name: string, ns: number): void {
  const all = times.get(name);
  if (all === undefined) times.set(name, [ns]);
  else all.push(ns);
}

function show(title: string, times: ReadonlyMap<string, number[]>): void {
  console.log(`\n${title}`);
  const reference = times.get('made up at random') ?? [];
  for (const [name, all] of times) {
    const { low, high } = bootstrapInterval(all);
    const difference = median(all) - median(reference);
    console.log(
      `  ${name.padEnd(36)} ${median(all).toFixed(0).padStart(8)} ns [${low.toFixed(0)}, ${high.toFixed(0)}], ` +
        `${difference >= 0 ? '+' : ''}${difference.toFixed(0)} ns of ${all.length}`,
    );
  }
}

show(`A lookup among ${clients.length} keys, in the process (blocks of ${BLOCK})`, inProcess());
console.log(`\nThe whole check of a key with limits: ${(costOfCheck() / 1000).toFixed(2)} µs`);
show('A refusal over HTTP, from the request to the end of its answer', await overHttp());

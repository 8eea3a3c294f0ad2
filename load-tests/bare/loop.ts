import path from 'node:path';
import { Tokenizer } from '../../src/pipelines/tokenizer.ts';
import { versionKey } from '../../src/repository/manifest.ts';
import { readVersionFolder } from '../../src/repository/model-files.ts';
import type { EncodedItem } from '../../src/scheduler/item.ts';
import { createCollator } from '../../src/workers/collate.ts';
import { OnnxSession } from '../../src/workers/onnx-session.ts';
import { percentile } from '../statistics.ts';
import { type Input, readWork, type Work, type WorkName } from '../work.ts';

/**
 * The physical bound, one of two such processes: `node loop.ts <version folder> [run-only]` encodes and runs inputs
 * one by one, in a loop, with no server around it; `run-only` tokenises (or decodes) before the clock runs. Told to
 * run by a LoopOrder, answers a LoopReport.
 */

export interface LoopOrder {
  readonly work: WorkName;
  readonly seconds: number;
  /** Places in the work, gone through over and over. */
  readonly places: readonly number[];
}

export interface LoopReport {
  readonly items: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const MAX_PIXELS = 25e6;

const folder = path.resolve(process.argv[2] ?? 'models/sentiment/2');
const isRunOnly = process.argv[3] === 'run-only';
const manifest = await readVersionFolder({ root: path.dirname(folder), folder, model: 'bare', version: 1 });
if (manifest.task === 'tensor') throw new Error(`${folder} takes raw tensors, of which there are no inputs here`);
const { classification } = manifest;
const session = await OnnxSession.load(manifest.modelFile);
const tokenizer = manifest.task === 'text-classification' ? new Tokenizer(manifest.text) : null;
const collate = await createCollator(
  manifest.task === 'text-classification'
    ? { kind: 'tokens', ...manifest.text }
    : { kind: 'image', image: manifest.image, maxPixels: MAX_PIXELS },
  session.inputs,
);
const works = new Map<WorkName, Work>();

function encode(input: Input): EncodedItem {
  if ('image' in input) return { kind: 'image', bytes: input.image };
  if (tokenizer === null) throw new Error(`${versionKey(manifest)} takes no text`);
  return { kind: 'tokens', ids: tokenizer.encode(input.text).ids };
}

async function feedsOf(input: Input) {
  const { feeds } = await collate([encode(input)]);
  if (feeds === null) throw new Error('an input cannot be used');
  return feeds;
}

async function loop({ work: name, seconds, places }: LoopOrder): Promise<LoopReport> {
  const work = works.get(name) ?? (await readWork(name));
  works.set(name, work);
  const inputs = places.map((place) => work.input(place, 0));
  const ready = isRunOnly ? await Promise.all(inputs.map(feedsOf)) : null;
  const latencies: number[] = [];
  const begunCpu = process.cpuUsage();
  const begun = performance.now();
  for (let at = 0; performance.now() - begun < seconds * 1000; at++) {
    const itemBegun = performance.now();
    const place = at % inputs.length;
    await session.run(ready?.[place] ?? (await feedsOf(inputs[place] ?? { text: '' })), [classification.output]);
    latencies.push(performance.now() - itemBegun);
  }
  const { user, system } = process.cpuUsage(begunCpu);
  return {
    items: latencies.length,
    seconds: (performance.now() - begun) / 1000,
    cpuSeconds: (user + system) / 1e6,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}

process.on('message', (order: LoopOrder) => void loop(order).then((report) => process.send?.(report)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

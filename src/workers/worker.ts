import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../errors.ts';
import { freeMemory, freeTensor } from '../off-heap.ts';
import type { BatchResult } from '../scheduler/executor.ts';
import type { EncodedItem, ItemOutcome } from '../scheduler/item.ts';
import { type Collator, createCollator, split } from './collate.ts';
import { Mailbox } from './mailbox.ts';
import { openModel } from './model-session.ts';
import type { OnnxSession } from './onnx-session.ts';
import { type FromWorker, type ToWorker, WIRE_FD, type WorkerModel } from './protocol.ts';
import { runTensors } from './tensor-batch.ts';
import { collateTensors } from './tensors-collator.ts';
import { Wire } from './wire.ts';

/** The child process: loads its models once, then runs one batch after another until it is told to exit. */

const USAGE_EVERY_MS = 2_000;

interface Loaded {
  readonly model: WorkerModel;
  readonly session: OnnxSession;
  readonly collate: Collator;
  /** The session of batches that nothing runs beside; null until there was one, and where there is none. */
  lone: OnnxSession | null;
  /** Null where it was opened, or would gain nothing. */
  openLone: (() => Promise<OnnxSession>) | null;
}

const loaded = new Map<string, Loaded>();
/** Versions that it loaded, or could not load. */
const tried = new Set<string>();
let loading: Promise<void> = Promise.resolve();
const wire = new Wire<FromWorker, ToWorker>({ end: WIRE_FD, mailbox: Mailbox.inherited() }, receive);

async function load({ models, isAll, cudaDevice }: ToWorker & { type: 'load' }): Promise<void> {
  for (const model of models) {
    const { versionKey } = model;
    if (tried.has(versionKey)) continue;
    tried.add(versionKey);
    wire.send({ type: 'loading', versionKey });
    const begun = performance.now();
    try {
      const { session, openLone, ...opened } = await openModel(model, cudaDevice);
      const collate = await createCollator(model.collate, session.inputs);
      const version: Loaded = { model, session, collate, lone: null, openLone };
      // Where another provider had to do, the wide batches will not come.
      const warmUp = opened.provider === model.provider ? model.warmUp : model.warmUp.slice(0, 1);
      for (const items of warmUp) await runBatch(version, items);
      loaded.set(versionKey, version);
      wire.send({ type: 'loaded', versionKey, seconds: (performance.now() - begun) / 1000, ...opened });
    } catch (error) {
      wire.send({ type: 'load-failed', versionKey, message: messageOf(error) });
    }
  }
  if (!isAll) return;
  sendUsage();
  wire.send({ type: 'ready' });
}

async function run({ versionKey, items, isLone }: ToWorker & { type: 'run' }): Promise<void> {
  const begunAt = performance.timeOrigin + performance.now();
  try {
    const version = loaded.get(versionKey);
    if (version === undefined) throw new Error(`This is a bug: ${versionKey} is not loaded`);
    const session = (isLone ? version.lone : null) ?? version.session;
    const result = await runOn({ ...version, session }, items);
    const isWide = session !== version.session;
    const { openLone } = version;
    const prepares = isLone && openLone !== null;
    wire.send({ type: 'ran', begunAt, isWide, prepares, ...result }, () => freeOutputs(result));
    if (prepares) await prepareLone(version, openLone, items);
  } catch (error) {
    wire.send({ type: 'run-failed', reason: messageOf(error) });
  }
  freeItems(items);
}

function runOn(version: Loaded, items: readonly EncodedItem[]): Promise<BatchResult> {
  const isTensors = items[0]?.kind === 'tensors';
  return isTensors ? runTensors(items, runBatch.bind(null, version)) : runBatch(version, items);
}

/** After the first batch that nothing ran beside; the session is kept if it gives the same bits. It is a gain, and no need. */
async function prepareLone(
  version: Loaded,
  openLone: () => Promise<OnnxSession>,
  items: readonly EncodedItem[],
): Promise<void> {
  version.openLone = null;
  try {
    const session = await openLone();
    const [usual, wide] = [await runOn(version, items), await runOn({ ...version, session }, items)];
    if (isDeepStrictEqual(wide.outcomes, usual.outcomes)) version.lone = session;
  } catch {
    // Lone batches run like all others.
  }
  wire.send({ type: 'prepared' });
}

/** All arrays of a message lie in one piece of memory. */
function freeItems([first]: readonly EncodedItem[]): void {
  if (first?.kind === 'image') freeMemory(first.bytes.buffer);
  if (first?.kind === 'tensors') Object.values(first.tensors).forEach(freeTensor);
}

function freeOutputs({ outcomes }: BatchResult): void {
  for (const outcome of outcomes) if (outcome.ok) Object.values(outcome.output).forEach(freeTensor);
}

async function runBatch({ model, session, collate }: Loaded, items: readonly EncodedItem[]): Promise<BatchResult> {
  const begun = performance.now();
  // The bare graph is the same session: items of a batch are all of one kind.
  const { feeds, failures, pixels, wanted } = await (items[0]?.kind === 'tensors' ? collateTensors : collate)(items);
  const collated = performance.now();
  const ran = feeds === null ? {} : await session.run(feeds, wanted?.outputs ?? model.outputs);
  const outputs = wanted?.split(ran) ?? (feeds === null ? [] : split(ran, items.length - failures.size));
  let next = 0;
  const outcomes = items.map((_, index): ItemOutcome => {
    const error = failures.get(index);
    if (error !== undefined) return { ok: false, error };
    const output = outputs[next++];
    if (output === undefined) throw new Error('This is a bug: fewer outputs than items');
    return { ok: true, output };
  });
  return { outcomes, pixels, collateMs: collated - begun, runMs: performance.now() - collated };
}

function sendUsage(): void {
  const { user, system } = process.cpuUsage();
  wire.send({
    type: 'usage',
    usage: { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() },
  });
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case 'load':
      loading = loading.then(() => load(message));
      break;
    case 'run':
      void run(message);
      break;
    case 'exit':
      process.exit(0);
  }
}

// Ctrl-C reaches the whole process group; the main process decides when a worker ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
// The main process is gone.
wire.onClosed(() => process.exit(0));
setInterval(sendUsage, USAGE_EVERY_MS).unref();

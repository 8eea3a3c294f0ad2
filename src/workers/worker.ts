import { messageOf } from '../errors.ts';
import { collate, split } from './collate.ts';
import { OnnxSession } from './onnx-session.ts';
import type { FromWorker, ToWorker, WorkerModel } from './protocol.ts';

/** The child process: loads its models once, then runs one batch after another until it is told to exit. */

const USAGE_EVERY_MS = 2_000;

interface Loaded {
  readonly model: WorkerModel;
  readonly session: OnnxSession;
}

const loaded = new Map<string, Loaded>();

function send(message: FromWorker): void {
  process.send?.(message);
}

async function load(models: readonly WorkerModel[]): Promise<void> {
  for (const model of models) {
    const { versionKey } = model;
    send({ type: 'loading', versionKey });
    const begun = performance.now();
    try {
      loaded.set(versionKey, { model, session: await OnnxSession.load(model.modelFile) });
      send({ type: 'loaded', versionKey, seconds: (performance.now() - begun) / 1000 });
    } catch (error) {
      send({ type: 'load-failed', versionKey, message: messageOf(error) });
    }
  }
  send({ type: 'ready' });
}

async function run({ versionKey, items }: ToWorker & { type: 'run' }): Promise<void> {
  const begun = performance.now();
  try {
    const version = loaded.get(versionKey);
    if (version === undefined) throw new Error(`This is a bug: ${versionKey} is not loaded`);
    const { model, session } = version;
    const feeds = collate(items, model.collate, session.inputs);
    const collated = performance.now();
    const outputs = split(await session.run(feeds, model.outputs), items.length);
    send({
      type: 'ran',
      outcomes: outputs.map((output) => ({ ok: true, output })),
      collateMs: collated - begun,
      runMs: performance.now() - collated,
    });
  } catch (error) {
    send({ type: 'run-failed', reason: messageOf(error) });
  }
}

function sendUsage(): void {
  const { user, system } = process.cpuUsage();
  send({
    type: 'usage',
    usage: { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() },
  });
}

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'load':
      void load(message.models);
      break;
    case 'run':
      void run(message);
      break;
    case 'exit':
      process.exit(0);
  }
});
// Ctrl-C reaches the whole process group; the main process decides when a worker ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));
setInterval(sendUsage, USAGE_EVERY_MS).unref();

import path from 'node:path';
import { Tokenizer } from '../../src/pipelines/tokenizer.ts';
import { versionKey } from '../../src/repository/manifest.ts';
import { readVersionFolder } from '../../src/repository/model-files.ts';
import { createCollator } from '../../src/workers/collate.ts';
import { OnnxSession } from '../../src/workers/onnx-session.ts';
import { readSentences } from '../sentences.ts';

/**
 * The physical bound, one of two such processes: tokenise and run the sentences one by one, in a loop, with no server
 * around it. Told to run by `{ seconds, offset }`, answers `{ items, seconds, cpuSeconds }`.
 */

export interface LoopOrder {
  readonly seconds: number;
  /** Sentence to begin with. */
  readonly offset: number;
}

export interface LoopReport {
  readonly items: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const folder = path.resolve(process.argv[2] ?? 'models/sentiment/2');
const manifest = await readVersionFolder({ root: path.dirname(folder), folder, model: 'bare', version: 1 });
if (manifest.task !== 'text-classification') throw new Error(`${versionKey(manifest)} takes no text`);
const tokenizer = new Tokenizer(manifest.text);
const session = await OnnxSession.load(manifest.modelFile);
const collate = await createCollator({ kind: 'tokens', ...manifest.text }, session.inputs);
const texts = (await readSentences()).map(({ text }) => text);

async function loop({ seconds, offset }: LoopOrder): Promise<LoopReport> {
  const begunCpu = process.cpuUsage();
  const begun = performance.now();
  let items = 0;
  while (performance.now() - begun < seconds * 1000) {
    const { ids } = tokenizer.encode(texts[(offset + items) % texts.length] ?? '');
    const { feeds } = await collate([{ kind: 'tokens', ids }]);
    await session.run(feeds ?? {}, [manifest.classification.output]);
    items += 1;
  }
  const { user, system } = process.cpuUsage(begunCpu);
  return { items, seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6 };
}

process.on('message', (order: LoopOrder) => void loop(order).then((report) => process.send?.(report)));
process.send?.('ready');

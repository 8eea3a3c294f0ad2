import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../errors.ts';
import { readOnnxGraph } from '../repository/onnx-graph.ts';
import type { Tensor, TensorInfo } from '../tensor.ts';
import { createCollator } from './collate.ts';
import { openCache } from './model-session.ts';
import { OnnxSession } from './onnx-session.ts';
import type { CollateSpec, WorkerModel } from './protocol.ts';

/**
 * A child process beside the server: writes the weights that workers share into the cache, one version after another,
 * and ends. What goes wrong here costs nothing but memory.
 */

export interface BuildReport {
  readonly versionKey: string;
  /** Null where the entry was made. */
  readonly problem: string | null;
  readonly seconds: number;
}

process.once('message', (models: readonly WorkerModel[]) => void buildAll(models));
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));

async function buildAll(models: readonly WorkerModel[]): Promise<void> {
  for (const model of models) {
    const begun = performance.now();
    const problem = await build(model).then(() => null, messageOf);
    const report: BuildReport = {
      versionKey: model.versionKey,
      problem,
      seconds: (performance.now() - begun) / 1000,
    };
    await new Promise((sent) => process.send?.(report, sent));
  }
  process.exit(0);
}

async function build(model: WorkerModel): Promise<void> {
  const { cache, modelFile } = model;
  if (cache === null) return;
  const weights = await openCache(cache.folder);
  if ((await weights.find(cache.sha256)).state === 'intact') return;
  await weights.add(cache.sha256, async (folder) => {
    const original = await OnnxSession.saveOptimised(modelFile, folder);
    // After the runtime has read it: the entry is of these bytes, or there is none.
    if ((await sha256Of(modelFile)) !== cache.sha256) throw new Error('the model file was changed');
    const saved = await OnnxSession.loadOptimised(path.join(folder, 'model.onnx'));
    for (const feeds of await samplesOf(model, original.inputs)) {
      const [a, b] = [await original.run(feeds, model.outputs), await saved.run(feeds, model.outputs)];
      if (!model.outputs.every((name) => isEqual(a[name], b[name]))) throw new Error('it gives other scores');
    }
  });
  await weights.prune();
}

/** As the repository hashes it: the model file, then each external data file in the graph's order. */
async function sha256Of(modelFile: string): Promise<string> {
  const bytes = await readFile(modelFile);
  const sha256 = createHash('sha256').update(bytes);
  for (const file of readOnnxGraph(bytes).externalDataFiles) {
    sha256.update(await readFile(path.join(path.dirname(modelFile), file)));
  }
  return sha256.digest('hex');
}

type Feeds = Readonly<Record<string, Tensor>>;

/** What original and copy are compared by: the batches of the warm-up, or a picture of waves; nothing for a bare graph. */
async function samplesOf({ collate, warmUp }: WorkerModel, inputs: readonly TensorInfo[]): Promise<Feeds[]> {
  if (collate.kind === 'image') return [waves(collate)];
  if (collate.kind === 'tensors') return [];
  const toTensors = await createCollator(collate, inputs);
  const samples = await Promise.all(warmUp.map((items) => toTensors(items)));
  return samples.map(({ feeds }) => feeds).filter((feeds) => feeds !== null);
}

function waves({ image }: CollateSpec & { kind: 'image' }): Feeds {
  const { channels, height, width, layout, inputName } = image;
  const shape = layout === 'nchw' ? [1, channels, height, width] : [1, height, width, channels];
  const data = Float32Array.from({ length: channels * height * width }, (_, at) => Math.sin(at / 7));
  return { [inputName]: { dataType: 'float32', shape, data } };
}

function isEqual(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (a === undefined || b === undefined || a.data.length !== b.data.length) return false;
  return a.data.every((value, at) => Object.is(value, b.data[at]));
}

import { expect, test } from 'vitest';
import { verify } from '../../src/pipelines/golden-gate.ts';
import { ImageClassification } from '../../src/pipelines/image-classification.ts';
import type { Batch, BatchResult, Executor } from '../../src/scheduler/executor.ts';
import { readImageModel, writeImageModel } from '../fixtures/image-model.ts';
import { pngFile } from '../fixtures/png-file.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const SAMPLES = 12;
const SCORES = [0.5, 0.3, 0.2];

async function pipeline(): Promise<ImageClassification> {
  const folder = await temporaryFolder();
  // The larger the number, the smaller the file.
  const files = Array.from({ length: SAMPLES }, (_, at) => {
    const size = (SAMPLES - at) * 10;
    const pixels = Uint8Array.from({ length: size * size * 3 }, (_, k) => Math.imul(k, 2_654_435_761) >>> 24);
    return [`golden/${at}.png`, pngFile({ width: size, height: size, pixels })] as const;
  });
  const samples = files.map(([image]) => ({ input: { image }, scores: SCORES }));
  const golden = { reference: 'made up', tolerance: 0.01, samples };
  await writeImageModel(folder, { files: { ...Object.fromEntries(files), 'golden.json': golden } });
  return new ImageClassification(await readImageModel(folder));
}

/** Gives every picture the same scores; `moved` is added to the first logit of a batch's last item. */
function executor(moved = 0): Executor & { readonly batches: number[][] } {
  const batches: number[][] = [];
  const run = async ({ items }: Batch): Promise<BatchResult> => {
    batches.push(items.map((item) => (item.kind === 'image' ? item.bytes.byteLength : 0)));
    const outcomes = items.map((_, at) => {
      const logits = SCORES.map((score, label) =>
        label === 0 && items.length > 1 && at === items.length - 1 ? Math.log(score) + moved : Math.log(score),
      );
      const tensor = { dataType: 'float32', shape: [3], data: Float32Array.from(logits) } as const;
      return { ok: true, output: { logits: tensor } } as const;
    });
    return { outcomes, collateMs: 0, runMs: 1, pixels: 0 };
  };
  return { id: 1, run, batches };
}

test('pictures run each alone, and the two smallest files together', async () => {
  const worker = executor();
  const verification = await verify(await pipeline(), worker);
  const [batch = [], ...others] = worker.batches.filter((bytes) => bytes.length > 1);
  const alone = worker.batches.filter((bytes) => bytes.length === 1).flat();
  expect(alone).toHaveLength(SAMPLES);
  expect(others).toEqual([]);
  expect(batch).toEqual(alone.sort((a, b) => a - b).slice(0, 2));
  expect(verification).toMatchObject({ batching: 'invariant', golden: { samples: SAMPLES } });
});

test('a picture whose scores move in the batch makes batching unsafe', async () => {
  const verification = await verify(await pipeline(), executor(0.5));
  expect(verification.batching).toBe('unsafe');
  expect(verification.largestBatchMove).toBeGreaterThan(0.05);
});

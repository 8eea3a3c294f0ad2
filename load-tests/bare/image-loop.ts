import path from 'node:path';
import { readVersionFolder } from '../../src/repository/model-files.ts';
import { ImageProcessor } from '../../src/workers/image-processor.ts';
import { OnnxSession } from '../../src/workers/onnx-session.ts';

/**
 * The physical bound of image serving, one of two such processes: decode, resize and run in a loop, with the server's own
 * code and no server around it. Told to run by an ImageLoopOrder, answers an ImageLoopReport.
 */

export interface ImageLoopOrder {
  readonly seconds: number;
  readonly files: readonly Uint8Array[];
}

export interface ImageLoopReport {
  readonly items: number;
  readonly seconds: number;
}

const MAX_PIXELS = 25e6;

const folder = path.resolve(process.argv[2] ?? '');
const manifest = await readVersionFolder({ root: folder, folder, model: 'bare', version: 1 });
if (manifest.task !== 'image-classification') throw new Error(`${folder} holds no image model`);
const { image, classification, modelFile } = manifest;
const session = await OnnxSession.load(modelFile);
const processor = new ImageProcessor(image, MAX_PIXELS);
const shape =
  image.layout === 'nchw'
    ? [1, image.channels, image.height, image.width]
    : [1, image.height, image.width, image.channels];

async function loop({ seconds, files }: ImageLoopOrder): Promise<ImageLoopReport> {
  const begun = performance.now();
  let items = 0;
  while (performance.now() - begun < seconds * 1000) {
    const bytes = files[items % files.length];
    if (bytes === undefined) throw new Error('there is nothing to run');
    const { tensor } = await processor.prepare(bytes);
    await session.run({ [image.inputName]: { dataType: 'float32', shape, data: tensor } }, [classification.output]);
    items += 1;
  }
  return { items, seconds: (performance.now() - begun) / 1000 };
}

process.on('message', (order: ImageLoopOrder) => void loop(order).then((report) => process.send?.(report)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

import { type ErrorData, ServalError, toErrorData } from '../errors.ts';
import type { Collator } from './collate.ts';
import type { CollateSpec } from './protocol.ts';

type ImageSpec = CollateSpec & { readonly kind: 'image' };

/** Decodes and resizes a batch's files, one after another, into one tensor; a file that is not usable fails alone. */
export async function createImageCollator({ image, maxPixels }: ImageSpec): Promise<Collator> {
  // Only workers with an image model carry the image library.
  const { ImageProcessor } = await import('./image-processor.ts');
  const processor = new ImageProcessor(image, maxPixels);
  const { channels, height, width, layout, inputName } = image;
  const itemSize = channels * height * width;
  const itemShape = layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  // Of the largest batch so far: a worker runs one at a time, and nobody reads a batch's input after its run.
  let data = new Float32Array();
  return async (items) => {
    const failures = new Map<number, ErrorData>();
    if (data.length < items.length * itemSize) data = new Float32Array(items.length * itemSize);
    let count = 0;
    let pixels = 0;
    for (const [index, item] of items.entries()) {
      if (item.kind !== 'image') throw new Error(`This is a bug: ${item.kind} for an image model`);
      try {
        const place = data.subarray(count * itemSize, (count + 1) * itemSize);
        const prepared = await processor.prepare(item.bytes, place);
        count += 1;
        pixels += prepared.pixels;
      } catch (error) {
        if (!(error instanceof ServalError)) throw error;
        failures.set(index, toErrorData(error));
      }
    }
    const tensor = {
      dataType: 'float32',
      shape: [count, ...itemShape],
      data: data.subarray(0, count * itemSize),
    } as const;
    return { feeds: count === 0 ? null : { [inputName]: tensor }, failures, pixels };
  };
}

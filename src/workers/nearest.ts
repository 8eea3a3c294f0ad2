import type { Resize, RgbPicture } from './resample.ts';

/**
 * Nearest neighbour as Pillow does it: the source pixel under the middle of the target's. At the same size, a plain copy.
 * RGB bytes of the crop, row by row.
 */
export function nearest({ width, height, data }: RgbPicture, { crop, ...whole }: Omit<Resize, 'resample'>): Uint8Array {
  const columns = sourcePlaces(width, whole.width).subarray(crop.left, crop.left + crop.width);
  const rows = sourcePlaces(height, whole.height).subarray(crop.top, crop.top + crop.height);
  const out = new Uint8Array(crop.width * crop.height * 3);
  let at = 0;
  // Not `of`: an iterator makes an object for each pixel.
  for (let y = 0; y < crop.height; y++) {
    for (let x = 0; x < crop.width; x++) {
      const from = ((rows[y] ?? 0) * width + (columns[x] ?? 0)) * 3;
      out[at++] = data[from] ?? 0;
      out[at++] = data[from + 1] ?? 0;
      out[at++] = data[from + 2] ?? 0;
    }
  }
  return out;
}

/** Adds up step by step, as Pillow does: where a middle falls on the edge of two pixels, its rounding errors decide. */
function sourcePlaces(inSize: number, outSize: number): Int32Array {
  const scale = inSize / outSize;
  const places = new Int32Array(outSize);
  let place = scale * 0.5;
  for (let at = 0; at < outSize; at++, place += scale) places[at] = place;
  return places;
}

import sharp from 'sharp';
import { ServalError } from '../errors.ts';
import { freeMemory } from '../off-heap.ts';
import type { ImageInput } from '../repository/manifest.ts';
import { readJpegMarkers } from './jpeg-markers.ts';
import { nearest } from './nearest.ts';
import { cmykToRgb, flattenOnWhite, greyToRgb, rgbToGrey } from './pixels.ts';
import { longerPngSide, withoutText } from './png-chunks.ts';
import { type Crop, type ResampleCode, Resampler, type RgbPicture } from './resample.ts';

/** Only these loaders are open: no SVG, GIF, TIFF, HEIF or PDF, however the bytes call themselves. */
const LOADERS = ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'];

sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: LOADERS });
sharp.cache(false);
// One thread a worker; the other cores have workers of their own.
sharp.concurrency(1);

/** JPEG can hold no longer side. A PNG can; resizing one takes a weight for each of its pixels. */
const MAX_SIDE = 65_535;

/** Components of a JPEG in these inks; the other formats have no such colours. */
const CMYK = 4;

/** Progressive encoders write some ten; each scan costs a pass over all pixels, however few bytes it has. */
const MAX_JPEG_SCANS = 100;

/** What an image file became. */
export interface Prepared {
  /** channels × height × width values, or height × width × channels, as the graph's layout is. */
  readonly tensor: Float32Array;
  /** Pixels of the file. */
  readonly pixels: number;
}

/**
 * Makes an image file into the graph's input, equal byte for byte to Pillow and Hugging Face's image processors:
 * decode → EXIF orientation → transparency on white → RGB (or grey) → resize → centre crop → rescale → normalise.
 * Colour profiles are not applied, as Pillow does not; of an animation the first frame counts.
 */
export class ImageProcessor {
  readonly #spec: ImageInput;
  readonly #maxPixels: number;
  readonly #resampler = new Resampler();
  /** The value of each byte, one table a channel. */
  readonly #values: readonly Float32Array[];

  constructor(spec: ImageInput, maxPixels: number) {
    this.#spec = spec;
    this.#maxPixels = maxPixels;
    this.#values = spec.mean.map((mean, channel) => {
      const std = spec.std[channel] ?? 1;
      return Float32Array.from({ length: 256 }, (_, byte) => (byte * spec.rescaleFactor - mean) / std);
    });
  }

  /**
   * @param tensor where the values are written, of just their number.
   * @throws ServalError SERVAL_IMAGE_BROKEN, _PIXELS, _SHAPE: the file's own fault.
   */
  async prepare(file: Uint8Array, tensor = new Float32Array(this.#tensorSize)): Promise<Prepared> {
    const { scans, components } = readJpegMarkers(file);
    checkScans(scans);
    const bytes = withoutText(file);
    // To decode millions of rows takes long, however few pixels each has.
    if (longerPngSide(bytes) > MAX_SIDE) await this.#checkHeader(bytes);
    const picture = await this.#decode(bytes, components === CMYK);
    try {
      const rgb = this.#resize(picture, this.#resizedSize(picture));
      this.#fill(tensor, rgb);
      freeMemory(rgb.buffer);
      return { tensor, pixels: picture.width * picture.height };
    } finally {
      freeMemory(picture.data.buffer);
    }
  }

  /**
   * Why the file is refused, as far as its header tells. The decoder looks at its size as well, before it decodes a pixel, but says
   * nothing of it; to ask for the header of every file costs as much as a third of decoding a small one.
   */
  async #checkHeader(bytes: Uint8Array): Promise<void> {
    const { width, height, autoOrient } = await sharp(bytes, { limitInputPixels: false }).metadata().catch(brokenImage);
    if (!(width > 0 && height > 0)) throw new ServalError('SERVAL_IMAGE_BROKEN', 'The image has no pixels.');
    if (width * height > this.#maxPixels) {
      throw new ServalError(
        'SERVAL_IMAGE_PIXELS',
        `The image has ${width} × ${height} pixels, ${this.#maxPixels} in all are allowed; send a smaller one.`,
        { details: { width, height, maxPixels: this.#maxPixels } },
      );
    }
    if (Math.max(width, height) > MAX_SIDE) throw longAndThin(width, height);
    this.#resizedSize(autoOrient);
  }

  /** @throws ServalError SERVAL_IMAGE_SHAPE. */
  #resizedSize({ width, height }: Size): Size {
    const { resize } = this.#spec;
    if (resize === null) return { width, height };
    if (resize.kind === 'exact') return resize;
    const { edge } = resize;
    const size =
      width < height
        ? { width: edge, height: Math.trunc((edge * height) / width) }
        : { width: Math.trunc((edge * width) / height), height: edge };
    if (size.width * size.height <= this.#maxPixels) return size;
    throw longAndThin(width, height);
  }

  async #decode(bytes: Uint8Array, isCmyk: boolean): Promise<RgbPicture> {
    const file = sharp(bytes, { limitInputPixels: this.#maxPixels, failOn: 'error', ignoreIcc: true }).autoOrient();
    // Plain CMYK, not through a profile: Pillow converts by formula.
    const decoder = isCmyk ? file.pipelineColourspace('cmyk').toColourspace('cmyk') : file;
    const { data, info } = await decoder
      .raw()
      .toBuffer({ resolveWithObject: true })
      .catch(async (cause) => {
        await this.#checkHeader(bytes);
        return brokenImage(cause);
      });
    const { width, height, channels } = info;
    return { width, height, data: isCmyk ? cmykToRgb(data, channels) : toRgb(data, channels) };
  }

  /** RGB bytes of the tensor's size. A crop larger than the picture is black around it. */
  #resize(decoded: RgbPicture, resized: Size): Uint8Array {
    const { channels, height, width, resample } = this.#spec;
    const picture = channels === 1 ? { ...decoded, data: rgbToGrey(decoded.data) } : decoded;
    const crop = centreCrop(resized, { height, width });
    const part = resizePart(this.#resampler, picture, { ...resized, resample, crop: crop.kept });
    if (crop.kept.width === width && crop.kept.height === height) return part;
    const padded = new Uint8Array(height * width * 3);
    for (let row = 0; row < crop.kept.height; row++) {
      const from = row * crop.kept.width * 3;
      padded.set(part.subarray(from, from + crop.kept.width * 3), ((row + crop.padTop) * width + crop.padLeft) * 3);
    }
    return padded;
  }

  get #tensorSize(): number {
    const { channels, height, width } = this.#spec;
    return channels * height * width;
  }

  #fill(tensor: Float32Array, rgb: Uint8Array): void {
    const { channels, height, width, layout } = this.#spec;
    const pixels = height * width;
    const [pixelStep, channelStep] = layout === 'nchw' ? [1, pixels] : [channels, 1];
    for (const [channel, values] of this.#values.entries()) {
      let out = channel * channelStep;
      for (let at = channel; at < rgb.length; at += 3, out += pixelStep) tensor[out] = values[rgb[at] ?? 0] ?? 0;
    }
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Part of the resized picture that lies inside the crop, and where it stands in it. */
function centreCrop(resized: Size, crop: Size): { kept: Crop; padLeft: number; padTop: number } {
  const left = Math.floor((resized.width - crop.width) / 2);
  const top = Math.floor((resized.height - crop.height) / 2);
  return {
    kept: {
      left: Math.max(0, left),
      top: Math.max(0, top),
      width: Math.min(crop.width, resized.width),
      height: Math.min(crop.height, resized.height),
    },
    padLeft: Math.max(0, -left),
    padTop: Math.max(0, -top),
  };
}

interface ResizePart extends Size {
  readonly resample: number;
  readonly crop: Crop;
}

function resizePart(resampler: Resampler, picture: RgbPicture, resize: ResizePart): Uint8Array {
  const { resample, ...rest } = resize;
  const isCopy = rest.width === picture.width && rest.height === picture.height;
  if (resample === 0 || isCopy) return nearest(picture, rest);
  return resampler.resize(picture, { ...rest, resample: resample as ResampleCode });
}

function toRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const rgb = channels === 1 ? greyToRgb(data) : flattenOnWhite(data, channels);
  if (rgb.buffer !== data.buffer) freeMemory(data.buffer);
  return rgb;
}

function checkScans(scans: number): void {
  if (scans <= MAX_JPEG_SCANS) return;
  const message = `The JPEG has ${scans} scans, ${MAX_JPEG_SCANS} are allowed; save it anew.`;
  throw new ServalError('SERVAL_IMAGE_BROKEN', message, { details: { scans, maxScans: MAX_JPEG_SCANS } });
}

function longAndThin(width: number, height: number): ServalError {
  const message = `The image has ${width} × ${height} pixels: too long and thin for a model that sees a square of it.`;
  return new ServalError('SERVAL_IMAGE_SHAPE', message, { details: { width, height } });
}

/** The pipeline has seen the first bytes of one of the formats: what the library says now is about the rest. */
function brokenImage(cause: unknown): never {
  throw new ServalError('SERVAL_IMAGE_BROKEN', 'The image cannot be decoded: it is damaged or cut short.', { cause });
}

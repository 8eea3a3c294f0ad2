import { readFileSync } from 'node:fs';

/** Pillow's filters by their codes in preprocessor_config.json (PIL.Image.Resampling), but for nearest (0). */
export type ResampleCode = 1 | 2 | 3 | 4 | 5;

/** A picture of RGB bytes, row by row. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Part of the resized picture that is kept, in its pixels. */
export interface Crop {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Resize {
  /** Size of the whole resized picture. */
  readonly width: number;
  readonly height: number;
  readonly resample: ResampleCode;
  /** Must lie inside the resized picture. */
  readonly crop: Crop;
}

/** Each filter's reach at scale 1, and its value at a distance; Pillow's Resample.c has the same. */
const FILTERS: Readonly<Record<ResampleCode, { readonly support: number; readonly value: (x: number) => number }>> = {
  1: { support: 3, value: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { support: 1, value: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { support: 2, value: (x) => bicubic(Math.abs(x)) },
  4: { support: 0.5, value: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  5: { support: 1, value: (x) => hamming(Math.abs(x)) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Keys' cubic with a = −0.5. */
function bicubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

function hamming(x: number): number {
  if (x === 0) return 1;
  return x < 1 ? (Math.sin(x * Math.PI) / (x * Math.PI)) * (0.54 + 0.46 * Math.cos(x * Math.PI)) : 0;
}

const PRECISION = 2 ** 22;

/** What the kernel needs of one axis: for each output place the first source place and the count, and the weights. */
interface Axis {
  readonly bounds: Int32Array;
  readonly weights: Int32Array;
  /** Weights reserved for each output place. */
  readonly taps: number;
}

/** The weights of output places `from` … `from + count` of an axis resized from `inSize` to `outSize`. */
function axisOf(inSize: number, outSize: number, part: { from: number; count: number }, code: ResampleCode): Axis {
  const { support: reach, value } = FILTERS[code];
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = reach * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const bounds = new Int32Array(part.count * 2);
  const weights = new Int32Array(part.count * taps);
  const values = new Float64Array(taps);
  for (let at = 0; at < part.count; at++) {
    const center = (part.from + at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(inSize, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = value((first + k - center + 0.5) * (1 / filterScale));
      values[k] = weight;
      sum += weight;
    }
    const norm = sum === 0 ? 1 : 1 / sum;
    for (let k = 0; k < count; k++) {
      const exact = (values[k] ?? 0) * norm * PRECISION;
      weights[at * taps + k] = Math.trunc(exact < 0 ? exact - 0.5 : exact + 0.5);
    }
    bounds[at * 2] = first;
    bounds[at * 2 + 1] = count;
  }
  return { bounds, weights, taps };
}

interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly horizontal: (...args: number[]) => void;
  readonly vertical: (...args: number[]) => void;
}

/** Source bytes that are copied into the kernel's memory at a time: bounds that memory, and stays in the cache. */
const STRIP_BYTES = 512 * 1024;
const PAGE_BYTES = 65_536;
/** The kernel reads and writes whole vectors, up to 15 bytes beyond. */
const SLACK_BYTES = 16;

/** What both orders of the passes work on. */
interface Job {
  readonly data: Uint8Array;
  readonly rowBytes: number;
  readonly columns: Axis;
  readonly rows: Axis;
  readonly crop: Crop;
}

/**
 * Resizes as Pillow does, byte for byte: filters widened by the scale when shrinking, 22-bit fixed-point weights, and
 * between the two passes a rounding to bytes. Only what the crop keeps is computed.
 *
 *     strip of rows ─horizontal→ narrow rows ─vertical→ crop
 *     strip of rows ─vertical→ few rows ─horizontal→ crop      (where {@link isVerticalFirst})
 */
export class Resampler {
  readonly #kernel: Kernel;

  constructor() {
    const bytes = readFileSync(new URL('./resample.wasm', import.meta.url));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: {
        abort: () => {
          throw new Error('This is a bug: the resample kernel aborted');
        },
      },
    });
    // The exports of wasm/resample.ts.
    this.#kernel = exports as unknown as Kernel;
  }

  /** RGB bytes of the crop, row by row. */
  resize({ width, height, data }: RgbPicture, { crop, resample, ...whole }: Resize): Uint8Array {
    const columns = axisOf(width, whole.width, { from: crop.left, count: crop.width }, resample);
    const rows = axisOf(height, whole.height, { from: crop.top, count: crop.height }, resample);
    const job = { data, rowBytes: width * 3, columns, rows, crop };
    return isVerticalFirst({ width, height }, whole) ? this.#verticalFirst(job) : this.#horizontalFirst(job);
  }

  #horizontalFirst({ data, rowBytes, columns, rows, crop }: Job): Uint8Array {
    const firstRow = firstOf(rows, 0);
    const lastRow = endOf(rows, crop.height - 1);
    const narrowBytes = crop.width * 3;
    const stripRows = Math.max(1, Math.min(lastRow - firstRow, Math.floor(STRIP_BYTES / rowBytes)));
    const layout = new Layout();
    const strip = layout.place(stripRows * rowBytes);
    const narrow = layout.place((lastRow - firstRow) * narrowBytes);
    const out = layout.place(crop.height * narrowBytes);
    const { memory, columnsAt, rowsAt } = this.#prepare(layout, columns, rows);
    const { horizontal, vertical } = this.#kernel;
    for (let row = firstRow; row < lastRow; row += stripRows) {
      const count = Math.min(stripRows, lastRow - row);
      memory.set(data.subarray(row * rowBytes, (row + count) * rowBytes), strip);
      const target = narrow + (row - firstRow) * narrowBytes;
      horizontal(strip, rowBytes, count, target, crop.width, columnsAt.bounds, columnsAt.weights, columns.taps);
    }
    const row0 = narrow - firstRow * narrowBytes;
    vertical(row0, narrowBytes, out, crop.height, rowsAt.bounds, rowsAt.weights, rows.taps);
    return memory.slice(out, out + crop.height * narrowBytes);
  }

  #verticalFirst({ data, rowBytes, columns, rows, crop }: Job): Uint8Array {
    const strips = stripsOf(rows, crop.height, rowBytes);
    const largest = strips.reduce(
      (most, { from, end }) => Math.max(most, endOf(rows, end - 1) - firstOf(rows, from)),
      0,
    );
    const layout = new Layout();
    const strip = layout.place(largest * rowBytes);
    const few = layout.place(crop.height * rowBytes);
    const out = layout.place(crop.height * crop.width * 3);
    const { memory, columnsAt, rowsAt } = this.#prepare(layout, columns, rows);
    const { horizontal, vertical } = this.#kernel;
    for (const { from, end } of strips) {
      const firstRow = firstOf(rows, from);
      memory.set(data.subarray(firstRow * rowBytes, endOf(rows, end - 1) * rowBytes), strip);
      // The kernel counts rows from the picture's first, which would stand before the strip: addresses are modulo 2³².
      const row0 = strip - firstRow * rowBytes;
      const at = { bounds: rowsAt.bounds + from * 8, weights: rowsAt.weights + from * rows.taps * 4 };
      vertical(row0, rowBytes, few + from * rowBytes, end - from, at.bounds, at.weights, rows.taps);
    }
    horizontal(few, rowBytes, crop.height, out, crop.width, columnsAt.bounds, columnsAt.weights, columns.taps);
    return memory.slice(out, out + crop.height * crop.width * 3);
  }

  /** The kernel's memory, grown to the layout and both axes' weights, which it then holds. */
  #prepare(layout: Layout, columns: Axis, rows: Axis) {
    const [columnsAt, rowsAt] = [columns, rows].map(({ bounds, weights }) => ({
      bounds: layout.place(bounds.byteLength),
      weights: layout.place(weights.byteLength),
    })) as [AxisPlace, AxisPlace];
    const memory = this.#grow(layout.bytes);
    for (const [axis, at] of [
      [columns, columnsAt],
      [rows, rowsAt],
    ] as const) {
      new Int32Array(memory, at.bounds).set(axis.bounds);
      new Int32Array(memory, at.weights).set(axis.weights);
    }
    return { memory: new Uint8Array(memory), columnsAt, rowsAt };
  }

  #grow(bytes: number): ArrayBuffer {
    const { memory } = this.#kernel;
    const missing = bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    return memory.buffer;
  }
}

interface AxisPlace {
  readonly bounds: number;
  readonly weights: number;
}

type Size = Pick<Crop, 'width' | 'height'>;

/**
 * Pillow's order since 13.0 (https://github.com/python-pillow/Pillow/pull/9549): vertical first where far more rows go
 * than columns. It also keeps what lies between the passes smaller than the source or the result.
 */
function isVerticalFirst(source: Size, resized: Size): boolean {
  const rowsGone = source.height - resized.height;
  return rowsGone > 0 && rowsGone > 2 * (source.width - resized.width);
}

/** First source place of an output place, and the one after its last. */
function firstOf({ bounds }: Axis, place: number): number {
  return bounds[place * 2] ?? 0;
}

function endOf({ bounds }: Axis, place: number): number {
  return (bounds[place * 2] ?? 0) + (bounds[place * 2 + 1] ?? 0);
}

/** Runs of output rows whose source rows come to no more than STRIP_BYTES, or to one row's. */
function stripsOf(rows: Axis, count: number, rowBytes: number): { from: number; end: number }[] {
  const strips: { from: number; end: number }[] = [];
  for (let from = 0, end = 1; from < count; from = end, end += 1) {
    while (end < count && (endOf(rows, end) - firstOf(rows, from)) * rowBytes <= STRIP_BYTES) end += 1;
    strips.push({ from, end });
  }
  return strips;
}

/** Hands out places in the kernel's memory, each aligned and with room behind it. */
class Layout {
  bytes = 1024;

  place(size: number): number {
    const at = this.bytes;
    this.bytes = Math.ceil((at + size + SLACK_BYTES) / 16) * 16;
    return at;
  }
}

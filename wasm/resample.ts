// The two passes of Pillow's 8-bit resampling (src/libImaging/Resample.c), four and sixteen bytes at a time.
// AssemblyScript: `npm run build:wasm` makes src/workers/resample.wasm of it. src/workers/resample.ts computes the
// weights, lays out the memory and explains the arithmetic.

/** Fraction bits of a weight: 32 − 8 for the pixel − 2 for the sum, as in Pillow. */
const PRECISION_BITS: i32 = 22;

/**
 * Rows of RGB pixels to rows of `outWidth` RGB pixels. For each output column, `bounds` holds the first source column
 * and the number of taps (two i32), `weights` `taps` i32. The byte after the last output pixel is overwritten.
 */
export function horizontal(
  source: usize,
  sourceRowBytes: usize,
  rows: i32,
  target: usize,
  outWidth: i32,
  bounds: usize,
  weights: usize,
  taps: i32,
): void {
  let out = target;
  for (let y = 0; y < rows; y++) {
    const row = source + <usize>y * sourceRowBytes;
    let weightsOfColumn = weights;
    let bound = bounds;
    for (let x = 0; x < outWidth; x++) {
      let pixel = row + <usize>(load<i32>(bound) * 3);
      let weight = weightsOfColumn;
      const end = weight + <usize>(load<i32>(bound, 4) << 2);
      let sum = i32x4.splat(1 << (PRECISION_BITS - 1));
      while (weight < end) {
        const bytes = v128.load32_zero(pixel);
        const wide = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
        sum = i32x4.add(sum, i32x4.mul(wide, v128.load32_splat(weight)));
        pixel += 3;
        weight += 4;
      }
      v128.store32_lane(out, pack(sum, sum, sum, sum), 0);
      out += 3;
      bound += 8;
      weightsOfColumn += <usize>(taps << 2);
    }
  }
}

/** Rows of `rowBytes` bytes to `outHeight` such rows. Up to 15 bytes after the last row are overwritten. */
export function vertical(
  source: usize,
  rowBytes: usize,
  target: usize,
  outHeight: i32,
  bounds: usize,
  weights: usize,
  taps: i32,
): void {
  for (let y = 0; y < outHeight; y++) {
    const first = source + <usize>load<i32>(bounds + <usize>(y << 3)) * rowBytes;
    const count = load<i32>(bounds + <usize>(y << 3), 4);
    const weightsOfRow = weights + <usize>(y * taps) * 4;
    const out = target + <usize>y * rowBytes;
    for (let x: usize = 0; x < rowBytes; x += 16) {
      let a = i32x4.splat(1 << (PRECISION_BITS - 1));
      let b = a;
      let c = a;
      let d = a;
      let at = first + x;
      for (let k = 0; k < count; k++) {
        const weight = v128.load32_splat(weightsOfRow + <usize>(k << 2));
        const bytes = v128.load(at);
        const low = i16x8.extend_low_i8x16_u(bytes);
        const high = i16x8.extend_high_i8x16_u(bytes);
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), weight));
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), weight));
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), weight));
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), weight));
        at += rowBytes;
      }
      v128.store(out + x, pack(a, b, c, d));
    }
  }
}

/** Drops the fraction and clips to 0…255. */
function pack(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(i32x4.shr_s(a, PRECISION_BITS), i32x4.shr_s(b, PRECISION_BITS)),
    i16x8.narrow_i32x4_s(i32x4.shr_s(c, PRECISION_BITS), i32x4.shr_s(d, PRECISION_BITS)),
  );
}

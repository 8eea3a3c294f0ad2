/** Conversions of whole pictures, byte for byte as Pillow does them; one byte a channel, row by row. */

/** a · b / 255, rounded, for bytes. */
function mulDiv255(a: number, b: number): number {
  const t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

/** L in R, G and B. */
export function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let at = 0, out = 0; at < grey.length; at++, out += 3) {
    const luma = grey[at] ?? 0;
    rgb[out] = luma;
    rgb[out + 1] = luma;
    rgb[out + 2] = luma;
  }
  return rgb;
}

/** ITU-R 601-2 luma in R, G and B, with Pillow's weights of 16 bits; in its own place. */
export function rgbToGrey(rgb: Uint8Array): Uint8Array {
  for (let at = 0; at < rgb.length; at += 3) {
    const luma = (19_595 * (rgb[at] ?? 0) + 38_470 * (rgb[at + 1] ?? 0) + 7_471 * (rgb[at + 2] ?? 0) + 0x8000) >> 16;
    rgb[at] = luma;
    rgb[at + 1] = luma;
    rgb[at + 2] = luma;
  }
  return rgb;
}

/** Composites grey with alpha (2 channels) or RGBA (4) on white; RGBA in its own place, as it may take 100 MB. */
export function flattenOnWhite(data: Uint8Array, channels: number): Uint8Array {
  const rgb = placeFor(data, channels);
  let out = 0;
  for (let at = 0; at < data.length; at += channels) {
    const alpha = data[at + channels - 1] ?? 255;
    const white = 255 * (255 - alpha);
    for (let channel = 0; channel < 3; channel++) {
      // Pillow's alpha_composite keeps 7 bits of fraction.
      const t = ((data[at + (channels === 4 ? channel : 0)] ?? 0) * alpha + white) * 128 + 0x4000;
      rgb[out++] = (((t >> 8) + t) >> 8) >> 7;
    }
  }
  return rgb;
}

/**
 * R = (255 − K) − C · (255 − K) / 255, and so on, in its own place. A fifth channel, where there is one, is passed over.
 */
export function cmykToRgb(data: Uint8Array, channels: number): Uint8Array {
  const rgb = placeFor(data, channels);
  let out = 0;
  for (let at = 0; at < data.length; at += channels) {
    const light = 255 - (data[at + 3] ?? 0);
    for (let ink = 0; ink < 3; ink++) rgb[out++] = Math.max(0, light - mulDiv255(data[at + ink] ?? 0, light));
  }
  return rgb;
}

/** Room for RGB: in the picture itself where it is no smaller, as every pixel is read before its place is written. */
function placeFor(data: Uint8Array, channels: number): Uint8Array {
  const length = (data.length / channels) * 3;
  return channels > 3 ? data.subarray(0, length) : new Uint8Array(length);
}

const STUFFED = 0x00;
const FILL = 0xff;
const FIRST_RESTART = 0xd0;
const LAST_RESTART = 0xd7;
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;
/** From 0xc0 to 0xcf all start a frame but three, which hold tables or nothing. */
const FRAMES = [0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf];
/** From a frame's marker to the number of its components: length, precision, height and width lie between. */
const TO_COMPONENTS = 9;

export interface JpegMarkers {
  /**
   * Each is one pass over all pixels. A baseline file has one to three, a progressive one some ten, but the format allows
   * thousands, of a few bytes each.
   */
  readonly scans: number;
  /** Grey has 1, colour 3, CMYK 4. */
  readonly components: number;
}

/**
 * What a JPEG file says of itself between its pixels; zeros for other files.
 * Format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.
 */
export function readJpegMarkers(bytes: Uint8Array): JpegMarkers {
  let [scans, components, at] = [0, 0, 2];
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return { scans, components };
  for (;;) {
    at = bytes.indexOf(0xff, at);
    const marker = at < 0 ? END_OF_IMAGE : (bytes[at + 1] ?? END_OF_IMAGE);
    if (marker === END_OF_IMAGE) return { scans, components };
    if (marker === FILL) at += 1;
    else if (marker === STUFFED || (marker >= FIRST_RESTART && marker <= LAST_RESTART)) at += 2;
    else {
      if (marker === START_OF_SCAN) scans += 1;
      // Of several frames the decoder takes the first.
      if (components === 0 && FRAMES.includes(marker)) components = bytes[at + TO_COMPONENTS] ?? 0;
      // A segment: its length stands behind the marker. What follows a scan's own segment is searched for the next marker.
      at += 2 + Math.max(2, ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
    }
  }
}

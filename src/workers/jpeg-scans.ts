const STUFFED = 0x00;
const FILL = 0xff;
const FIRST_RESTART = 0xd0;
const LAST_RESTART = 0xd7;
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;

/**
 * Scans of a JPEG file: each is one pass over all its pixels. A baseline file has one to three, a progressive one some ten,
 * but the format allows thousands, of a few bytes each. 0 for other files.
 * Format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.
 */
export function countJpegScans(bytes: Uint8Array): number {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return 0;
  let scans = 0;
  let at = 2;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    const marker = at < 0 ? END_OF_IMAGE : (bytes[at + 1] ?? END_OF_IMAGE);
    if (marker === END_OF_IMAGE) return scans;
    if (marker === FILL) at += 1;
    else if (marker === STUFFED || (marker >= FIRST_RESTART && marker <= LAST_RESTART)) at += 2;
    else {
      if (marker === START_OF_SCAN) scans += 1;
      // A segment: its length stands behind the marker. What follows a scan's own segment is searched for the next marker.
      at += 2 + Math.max(2, ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
    }
  }
}

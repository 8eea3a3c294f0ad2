import { Http2Code, Http2Error } from './frame.ts';

const WITHIN_MS = 1_000;
const MOST = 1_000;

/** Counts the frames that cost the server work and serve no request; no client needs many of them. */
export class StrayFrames {
  #since = performance.now();
  #count = 0;

  /** @throws Http2Error where there are too many. */
  count(): void {
    this.#count += 1;
    if (this.#count <= MOST) return;
    const now = performance.now();
    if (now - this.#since < WITHIN_MS) {
      throw new Http2Error(Http2Code.enhanceYourCalm, `More than ${MOST} frames in a second were for no request.`);
    }
    this.#since = now;
    this.#count = 0;
  }
}

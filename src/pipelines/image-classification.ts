import { ServalError } from '../errors.ts';
import type { ImageManifest } from '../repository/manifest.ts';
import { Classifier } from './classifier.ts';
import type { Encoded, Input } from './pipeline.ts';
import { probeImages } from './probe-images.ts';

/** First bytes of the formats that are served; WebP's name stands after RIFF and a length. */
const JPEG = Buffer.from([0xff, 0xd8, 0xff]);
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const RIFF = Buffer.from('RIFF');
const WEBP = Buffer.from('WEBP');

/** Image file → (in the worker: pixels → tensor) → graph → scores, as Hugging Face's image-classification pipeline. */
export class ImageClassification extends Classifier<ImageManifest> {
  readonly inputKind = 'image';

  get probes(): readonly Input[] {
    return probeImages().map((bytes) => ({ kind: 'image', bytes }));
  }

  encode(input: Input): Encoded {
    if (input.kind !== 'image') throw new Error(`This is a bug: ${input.kind} for an image model`);
    const { bytes } = input;
    if (bytes.byteLength === 0) throw new ServalError('SERVAL_EMPTY_INPUT', 'The image is empty; send a file.');
    if (!isServedFormat(bytes)) {
      throw new ServalError(
        'SERVAL_IMAGE_FORMAT',
        'The image is not a JPEG, PNG or WebP file; convert it to one of them.',
      );
    }
    return { item: { kind: 'image', bytes }, tokens: 0, truncated: false };
  }
}

function isServedFormat(bytes: Uint8Array): boolean {
  const startsWith = (magic: Uint8Array, at = 0) => magic.every((byte, k) => bytes[at + k] === byte);
  return startsWith(JPEG) || startsWith(PNG) || (startsWith(RIFF) && startsWith(WEBP, 8));
}

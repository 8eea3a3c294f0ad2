import type { Config } from '../config.ts';
import { ServalError } from '../errors.ts';
import { decodeImageText } from '../pipelines/image-text.ts';
import type { Input } from '../pipelines/pipeline.ts';

/** Checks that every protocol makes of what it read from a request, before it is encoded. */

/** @throws ServalError SERVAL_TEXT_TOO_LONG */
export function textInput(text: string, index: number, { maxInputChars }: Config): Input {
  checkLength(text, index, maxInputChars);
  return { kind: 'text', text };
}

/**
 * Two texts that the model judges together.
 * @throws ServalError SERVAL_TEXT_TOO_LONG
 */
export function pairInput([text, pair]: readonly [string, string], index: number, { maxInputChars }: Config): Input {
  checkLength(text, index, maxInputChars);
  checkLength(pair, index, maxInputChars);
  return { kind: 'text', text, pair };
}

function checkLength(text: string, index: number, maxInputChars: number): void {
  if (text.length <= maxInputChars) return;
  const message = `Input ${index}: the text has ${text.length} characters, ${maxInputChars} are allowed.`;
  throw new ServalError('SERVAL_TEXT_TOO_LONG', message, { details: { input: index, maxInputChars } });
}

/**
 * An image from base64 or a data: URL.
 * @throws ServalError SERVAL_IMAGE_BASE64, SERVAL_IMAGE_URL
 */
export function imageInput(text: string, index: number): Input {
  try {
    return { kind: 'image', bytes: decodeImageText(text) };
  } catch (error) {
    if (!(error instanceof ServalError)) throw error;
    throw new ServalError(error.code, `Input ${index}: ${error.message}`, { details: { input: index } });
  }
}

/** @throws ServalError SERVAL_TOO_MANY_INPUTS */
export function checkCount(count: number, { maxInputs }: Config): void {
  if (count <= maxInputs) return;
  const message = `The request has ${count} inputs, ${maxInputs} are allowed; send several requests.`;
  throw new ServalError('SERVAL_TOO_MANY_INPUTS', message, { details: { maxInputs } });
}

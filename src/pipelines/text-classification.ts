import { ServalError } from '../errors.ts';
import type { TextManifest } from '../repository/manifest.ts';
import { Classifier } from './classifier.ts';
import type { Encoded, Input, PredictOptions } from './pipeline.ts';
import { Tokenizer } from './tokenizer.ts';

const PROBE_TEXTS = [
  'Good.',
  'A short one, for the start of it.',
  'The plot drags, but the acting is superb, and I would gladly see it again with friends.',
  'I ordered two of these in March; one broke within a week, the other still works as on its first day.',
  'No',
  'Prices rose by 3.5 % in the last quarter, which nobody had expected, least of all the bank itself.',
];

/** Text → token ids → graph → scores of the labels, as Hugging Face's text-classification pipeline. */
export class TextClassification extends Classifier<TextManifest> {
  readonly inputKind = 'text';
  readonly probes: readonly Input[] = PROBE_TEXTS.map((text) => ({ kind: 'text', text }));
  readonly #tokenizer: Tokenizer;

  /** @throws Error with what is wrong with the tokenizer. */
  constructor(manifest: TextManifest) {
    super(manifest);
    this.#tokenizer = new Tokenizer(manifest.text);
  }

  encode(input: Input, { truncate, truncationSide }: PredictOptions): Encoded {
    if (input.kind !== 'text') throw new Error(`This is a bug: ${input.kind} for a text model`);
    const { text, pair } = input;
    if (`${text}${pair ?? ''}`.trim() === '')
      throw new ServalError('SERVAL_EMPTY_INPUT', 'The text is empty; send at least one word.');
    if (pair !== undefined && !this.#tokenizer.takesPairs) {
      throw new ServalError(
        'SERVAL_INPUT_KIND',
        'The tokenizer has no template for pairs of texts; send single texts.',
      );
    }
    const { ids, typeIds, uncutLength } =
      pair === undefined
        ? this.#tokenizer.encode(text, truncationSide)
        : this.#tokenizer.encodePair([text, pair], truncationSide);
    const truncated = uncutLength > ids.length;
    if (truncated && !truncate) {
      throw new ServalError(
        'SERVAL_TEXT_TOO_LONG',
        `The text has ${uncutLength} tokens, the model takes ${ids.length}; shorten it, or allow the cut with "truncate": true.`,
        { details: { tokens: uncutLength, maxTokens: ids.length } },
      );
    }
    const isTyped = typeIds !== null && this.manifest.text.inputNames.tokenTypeIds !== null;
    return { item: { kind: 'tokens', ids, ...(isTyped ? { typeIds } : {}) }, tokens: ids.length, truncated };
  }
}

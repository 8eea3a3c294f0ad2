import { ServalError } from '../errors.ts';
import type { TextManifest } from '../repository/manifest.ts';
import type { ItemOutput } from '../scheduler/item.ts';
import { scoresOf } from './activation.ts';
import type { Encoded, Input, Pipeline, Prediction, PredictOptions } from './pipeline.ts';
import { Tokenizer } from './tokenizer.ts';

/** Text → token ids → graph → scores of the labels, as Hugging Face's text-classification pipeline. */
export class TextClassification implements Pipeline {
  readonly manifest: TextManifest;
  readonly inputKind = 'text';
  readonly #tokenizer: Tokenizer;

  /** @throws Error with what is wrong with the tokenizer. */
  constructor(manifest: TextManifest) {
    this.manifest = manifest;
    this.#tokenizer = new Tokenizer(manifest.text);
  }

  encode(input: Input, { truncate }: PredictOptions): Encoded {
    if (input.kind !== 'text') throw new Error(`This is a bug: ${input.kind} for a text model`);
    const { text } = input;
    if (text.trim() === '') throw new ServalError('SERVAL_EMPTY_INPUT', 'The text is empty; send at least one word.');
    const { ids, uncutLength } = this.#tokenizer.encode(text);
    const truncated = uncutLength > ids.length;
    if (truncated && !truncate) {
      throw new ServalError(
        'SERVAL_TEXT_TOO_LONG',
        `The text has ${uncutLength} tokens, the model takes ${ids.length}; shorten it, or allow the cut with "truncate": true.`,
        { details: { tokens: uncutLength, maxTokens: ids.length } },
      );
    }
    return { item: { kind: 'tokens', ids }, tokens: ids.length, truncated };
  }

  checkOptions({ functionToApply }: PredictOptions): void {
    const { graphActivation } = this.manifest.classification;
    if (graphActivation === null || functionToApply === null) return;
    if (functionToApply === graphActivation || functionToApply === 'none') return;
    throw new ServalError(
      'SERVAL_FUNCTION_TO_APPLY',
      `The graph ends in ${graphActivation}; leave function_to_apply out, or use "${graphActivation}" or "none".`,
    );
  }

  scores(output: ItemOutput, { functionToApply }: PredictOptions): readonly number[] {
    const { classification } = this.manifest;
    const logits = output[classification.output];
    if (logits === undefined) throw new Error(`This is a bug: the worker gave no ${classification.output}`);
    const scores = scoresOf(logits, classification, functionToApply ?? classification.activation);
    if (scores.length !== classification.labels.length || !scores.every(Number.isFinite)) {
      throw new ServalError('SERVAL_RUN_FAILED', 'The graph’s output is not one finite number for each label.');
    }
    return scores;
  }

  decode(output: ItemOutput, options: PredictOptions): Prediction {
    const { labels } = this.manifest.classification;
    const ranked = this.scores(output, options)
      .map((score, id) => ({ label: labels[id] ?? `LABEL_${id}`, score }))
      .sort((a, b) => b.score - a.score)
      .slice(0, options.topK);
    const [best] = ranked;
    if (best === undefined) throw new Error('This is a bug: a model without labels');
    return { label: best.label, score: best.score, scores: ranked };
  }
}

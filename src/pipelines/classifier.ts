import { ServalError } from '../errors.ts';
import type { Manifest } from '../repository/manifest.ts';
import type { ItemOutput } from '../scheduler/item.ts';
import { scoresOf } from './activation.ts';
import type { Encoded, Input, InputKind, Pipeline, Prediction, PredictOptions } from './pipeline.ts';

/** The half that all classification pipelines share: from the graph's output to ranked labels. */
export abstract class Classifier<Kind extends Manifest> implements Pipeline {
  abstract readonly inputKind: InputKind;
  abstract readonly probes: readonly Input[];
  readonly manifest: Kind;

  constructor(manifest: Kind) {
    this.manifest = manifest;
  }

  abstract encode(input: Input, options: PredictOptions): Encoded;

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

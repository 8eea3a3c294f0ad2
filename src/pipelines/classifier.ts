import { ServalError } from '../errors.ts';
import type { ClassifierManifest } from '../repository/manifest.ts';
import type { ItemOutput } from '../scheduler/item.ts';
import { scoresOf } from './activation.ts';
import type { Encoded, Input, InputKind, Pipeline, Prediction, PredictOptions } from './pipeline.ts';

/** The half that all classification pipelines share: from the graph's output to ranked labels. */
export abstract class Classifier<Kind extends ClassifierManifest> implements Pipeline {
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
    if (scores.length !== classification.labels.length || !allFinite(scores)) {
      throw new ServalError('SERVAL_RUN_FAILED', 'The graph’s output is not one finite number for each label.');
    }
    return scores;
  }

  decode(output: ItemOutput, options: PredictOptions): Prediction {
    const { labels } = this.manifest.classification;
    const scores = this.scores(output, options);
    const ranked = largestPlaces(scores, options.topK).map((id) => ({
      label: labels[id] ?? `LABEL_${id}`,
      score: scores[id] ?? Number.NaN,
    }));
    const [best] = ranked;
    if (best === undefined) throw new Error('This is a bug: a model without labels');
    return { label: best.label, score: best.score, scores: ranked, byLabel: scores };
  }
}

/** Numbers in a plain loop stay numbers; handed to a function one by one, each of a thousand becomes an object. */
function allFinite(values: readonly number[]): boolean {
  let total = 0;
  // Zero times what is not finite is NaN, and stays so.
  for (let at = 0; at < values.length; at++) total += 0 * (values[at] ?? Number.NaN);
  return total === 0;
}

/**
 * Places of the `count` largest values, descending, the first of equal ones first. Of a thousand labels five are asked for:
 * ranking them all would cost the main process more than everything else it does for a picture.
 */
function largestPlaces(values: readonly number[], count: number): number[] {
  if (count >= values.length) return [...values.keys()].sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
  const places: number[] = [];
  const valueAt = (rank: number) => values[places[rank] ?? -1] ?? Number.NEGATIVE_INFINITY;
  // What a value must be more than to be among them.
  let least = Number.NEGATIVE_INFINITY;
  for (let place = 0; place < values.length; place++) {
    const value = values[place] ?? Number.NEGATIVE_INFINITY;
    if (value <= least && places.length === count) continue;
    let rank = places.length;
    while (rank > 0 && value > valueAt(rank - 1)) rank -= 1;
    places.splice(rank, 0, place);
    if (places.length > count) places.pop();
    if (places.length === count) least = valueAt(count - 1);
  }
  return places;
}

import type { Activation, Classification } from '../repository/manifest.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Scores of one item, one a label.
 *
 * softmax: exp((zᵢ − max z) / T) / Σ exp((zₖ − max z) / T); sigmoid: 1 / (1 + exp(−zᵢ / T)); none: the graph's output
 * as it is. Where the graph itself ends in softmax, `none` and `softmax` both give its scores, at temperature T by
 * pᵢ^(1/T) / Σ pₖ^(1/T), which is the same softmax of the logits that the graph keeps to itself.
 *
 * @param logits shape [labels], or [1] for a model of one logit and two labels: then [1 − p, p].
 */
export function scoresOf(logits: Tensor, classification: Classification, activation: Activation): number[] {
  const values = numbersOf(logits.data as ArrayLike<number>);
  const { graphActivation, temperature, labels } = classification;
  if (graphActivation === 'softmax') {
    return temperature === 1 ? values : softmax(values.map(Math.log), temperature);
  }
  if (activation === 'softmax') return softmax(values, temperature);
  const scores = activation === 'sigmoid' ? values.map((z) => 1 / (1 + Math.exp(-z / temperature))) : values;
  const [score] = scores;
  return labels.length === 2 && scores.length === 1 && score !== undefined ? [1 - score, score] : scores;
}

/** In plain loops, as what follows: they run in the main process, over a thousand labels for each picture. */
function numbersOf(data: ArrayLike<number>): number[] {
  const values = new Array<number>(data.length);
  for (let at = 0; at < data.length; at++) values[at] = data[at] ?? Number.NaN;
  return values;
}

function softmax(logits: readonly number[], temperature: number): number[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (const z of logits) if (z > largest || Number.isNaN(z)) largest = z;
  const powers = new Array<number>(logits.length);
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const power = Math.exp(((logits[id] ?? 0) - largest) / temperature);
    powers[id] = power;
    total += power;
  }
  for (let id = 0; id < powers.length; id++) powers[id] = (powers[id] ?? 0) / total;
  return powers;
}

import type { TestItem } from './test-splits.ts';

export interface Predicted {
  readonly item: TestItem;
  readonly prediction: {
    readonly label: string;
    readonly score: number;
    readonly scores: readonly { readonly label: string; readonly score: number }[];
  };
}

export interface Evaluation {
  /** By the names that the cards use. */
  readonly figures: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, LabelQuality>>;
  readonly sources: Readonly<Record<string, { readonly items: number; readonly accuracy: number }>>;
}

export interface LabelQuality {
  readonly items: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

const NEUTRAL = 'neutral';
const CALIBRATION_BINS = 15;

/** The same definitions as training's, so that the card's figures and these can be compared to the last digit. */
export function evaluate(predicted: readonly Predicted[]): Evaluation {
  const names = [...new Set(predicted.map(({ item }) => item.label))].sort();
  const labels = Object.fromEntries(names.map((name) => [name, qualityOf(name, predicted)]));
  const sources = [...new Set(predicted.map(({ item }) => item.source))].map((source) => {
    const own = predicted.filter(({ item }) => item.source === source);
    return [source, { items: own.length, accuracy: accuracyOf(own) }];
  });
  const figures = {
    accuracy: accuracyOf(predicted),
    macro_f1: mean(Object.values(labels).map(({ f1 }) => f1)),
    ece: calibrationError(predicted),
    ...(names.includes(NEUTRAL) ? { polarity_accuracy: polarityAccuracy(predicted) } : {}),
  };
  return { figures, labels, sources: Object.fromEntries(sources) };
}

function isCorrect({ item, prediction }: Predicted): boolean {
  return item.label === prediction.label;
}

function accuracyOf(predicted: readonly Predicted[]): number {
  return predicted.filter(isCorrect).length / predicted.length;
}

function qualityOf(label: string, predicted: readonly Predicted[]): LabelQuality {
  const items = predicted.filter(({ item }) => item.label === label).length;
  const given = predicted.filter(({ prediction }) => prediction.label === label).length;
  const hits = predicted.filter(({ item }) => item.label === label).filter(isCorrect).length;
  const precision = hits / Math.max(given, 1);
  const recall = hits / Math.max(items, 1);
  return { items, precision, recall, f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

/** Of the items that are not neutral: whether the side, positive or negative, with the higher score is the human one. */
function polarityAccuracy(predicted: readonly Predicted[]): number {
  const clear = predicted.filter(({ item }) => item.label !== NEUTRAL);
  const right = clear.filter(({ item, prediction }) => {
    const side = prediction.scores.find(({ label }) => label !== NEUTRAL);
    return side?.label === item.label;
  });
  return right.length / clear.length;
}

/** ECE: the mean gap between confidence and accuracy over equally wide bins, weighted by the bins' items. */
function calibrationError(predicted: readonly Predicted[]): number {
  const bins = Map.groupBy(predicted, ({ prediction }) =>
    Math.min(Math.floor(prediction.score * CALIBRATION_BINS), CALIBRATION_BINS - 1),
  );
  const gaps = [...bins.values()].map((bin) => {
    const confidence = mean(bin.map(({ prediction }) => prediction.score));
    return Math.abs(confidence - accuracyOf(bin)) * bin.length;
  });
  return gaps.reduce((total, gap) => total + gap, 0) / predicted.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

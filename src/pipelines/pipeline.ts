import type { Activation, ClassifierManifest } from '../repository/manifest.ts';
import type { EncodedItem, ItemOutput } from '../scheduler/item.ts';

/** One input as a client gives it. */
export type Input =
  /** With `pair`, two texts that are judged together, as a question and its answer. */
  | { readonly kind: 'text'; readonly text: string; readonly pair?: string }
  /** An encoded image file. */
  | { readonly kind: 'image'; readonly bytes: Uint8Array };

export type InputKind = Input['kind'];

export interface PredictOptions {
  /** Scores to keep, best first. */
  readonly topK: number;
  /** Null for the model's own. */
  readonly functionToApply: Activation | null;
  /** Whether a text over the model's limit is cut, or refused. */
  readonly truncate: boolean;
  /** The end that a cut takes away; the tokenizer's own where it is not given. */
  readonly truncationSide?: 'left' | 'right' | undefined;
}

export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** One input's answer: `scores` descending, the first of them again as `label` and `score`. */
export interface Prediction extends LabelScore {
  readonly scores: readonly LabelScore[];
  /** All scores, in the order of the model's labels. */
  readonly byLabel: readonly number[];
}

export interface Encoded {
  readonly item: EncodedItem;
  readonly tokens: number;
  readonly truncated: boolean;
}

/** What a task does to an input before the graph and to the graph's output after it; both in the main process. */
export interface Pipeline {
  readonly manifest: ClassifierManifest;
  readonly inputKind: InputKind;
  /** Built-in inputs for a version without golden samples. */
  readonly probes: readonly Input[];
  /** @throws ServalError when the input is not usable, with a message for the client. */
  encode(input: Input, options: PredictOptions): Encoded;
  decode(output: ItemOutput, options: PredictOptions): Prediction;
  /** One score a label, in label order. */
  scores(output: ItemOutput, options: PredictOptions): readonly number[];
  /** @throws ServalError when the options ask for what the model cannot give. */
  checkOptions(options: PredictOptions): void;
}

import type { ExecutionProvider } from '../config.ts';
import type { TensorInfo } from '../tensor.ts';

export type Activation = 'softmax' | 'sigmoid' | 'none';

export type Task = 'text-classification' | 'image-classification' | 'tensor';

/** What a folder says about where its model comes from; shown by GET /models, never acted on. */
export interface Provenance {
  /** SHA-256 over the model file, then each external data file in the graph's order. */
  readonly sha256: string;
  readonly fileBytes: number;
  readonly description: string | null;
  readonly licence: string | null;
  readonly source: string | null;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Input of a golden sample: a text, or the absolute path of an image file. */
export type GoldenInput = { readonly text: string } | { readonly imageFile: string };

export interface Golden {
  /** How the reference scores were made. */
  readonly reference: string;
  /** Largest allowed |served score − reference score| for each label. */
  readonly tolerance: number;
  /** `scores` has one number a label, in label order. */
  readonly samples: readonly { readonly input: GoldenInput; readonly scores: readonly number[] }[];
}

/** How the graph's output becomes scores. */
export interface Classification {
  readonly labels: readonly string[];
  /** Name of the graph's output that holds one number a label: shape [batch, labels]. */
  readonly output: string;
  /** Applied to the graph's output by default; `none` where the graph already ends in the function. */
  readonly activation: Activation;
  /** The function that the graph itself ends in. */
  readonly graphActivation: Exclude<Activation, 'none'> | null;
  /** Logits are divided by it before the activation; 1 changes nothing. */
  readonly temperature: number;
}

/** Everything the text pipeline and its collation need. */
export interface TextInput {
  /** Parsed tokenizer.json and tokenizer_config.json (`{}` where there is none). */
  readonly tokenizer: object;
  readonly tokenizerConfig: object;
  /** Largest number of tokens the model takes, special tokens included. */
  readonly maxTokens: number;
  readonly truncationSide: 'left' | 'right';
  readonly paddingSide: 'left' | 'right';
  readonly padId: number;
  readonly padTypeId: number;
  /** The graph's sequence axis where it is fixed; null where sequences are padded to the longest of the batch. */
  readonly fixedLength: number | null;
  /** The graph's own names of its inputs; the optional ones only where the graph asks for them. */
  readonly inputNames: {
    readonly ids: string;
    readonly attentionMask: string | null;
    readonly tokenTypeIds: string | null;
  };
}

export type ImageResize =
  /** The shorter side becomes `edge`, the longer one trunc(edge · long / short). */
  | { readonly kind: 'shortest_edge'; readonly edge: number }
  | { readonly kind: 'exact'; readonly height: number; readonly width: number };

/** How an image file becomes the graph's input; the order is resize, centre crop, rescale, normalise. */
export interface ImageInput {
  /** The graph's own name of its input, and the order of its axes. */
  readonly inputName: string;
  readonly layout: 'nchw' | 'nhwc';
  /** 1 is grey, 3 is RGB. */
  readonly channels: 1 | 3;
  /** Size of the tensor: what the centre crop leaves. */
  readonly height: number;
  readonly width: number;
  readonly resize: ImageResize | null;
  /** Pillow's code: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming. */
  readonly resample: number;
  /** A value of the tensor is (byte · rescaleFactor − mean) / std, mean and std one a channel. */
  readonly rescaleFactor: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

interface ManifestBase {
  readonly model: string;
  readonly version: number;
  /** Absolute. */
  readonly folder: string;
  /** The model file as the folder names it, and the absolute file that workers load: a private copy of it. */
  readonly modelName: string;
  readonly modelFile: string;
  /** SHA-256 over everything that was read of the folder: golden samples' pictures, which are read later, apart. */
  readonly digest: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly batching: 'auto' | 'off';
  /** What serval.json wants to run it. */
  readonly executionProvider: 'auto' | ExecutionProvider;
  /** Whether the graph has operators that CUDA has no kernels for. */
  readonly needsCpuKernels: boolean;
  /** Whether all of the graph's inputs and outputs share an open first axis, so that raw tensors may share a batch. */
  readonly sharesFirstAxis: boolean;
  readonly golden: Golden | null;
  readonly provenance: Provenance;
}

export interface TextManifest extends ManifestBase {
  readonly task: 'text-classification';
  readonly classification: Classification;
  readonly text: TextInput;
}

export interface ImageManifest extends ManifestBase {
  readonly task: 'image-classification';
  readonly classification: Classification;
  readonly image: ImageInput;
}

/** A graph with nothing that says what its tensors mean. */
export interface TensorManifest extends ManifestBase {
  readonly task: 'tensor';
}

/** A version that gives labels and scores. */
export type ClassifierManifest = TextManifest | ImageManifest;

/** A version's folder, read and found complete. */
export type Manifest = ClassifierManifest | TensorManifest;

/** Ending of the name under which a model with a pipeline also serves its bare graph. */
export const GRAPH_SUFFIX = '.graph';

/** Names these exact bytes of a version: a folder changed in place gets another key. */
export function versionKey(manifest: Manifest): string {
  return `${manifest.model}/${manifest.version}@${manifest.digest.slice(0, 12)}`;
}

/** The model and version that a key was made of. */
export function parseVersionKey(key: string): { readonly model: string; readonly version: string } {
  const [model = '', version = ''] = key.slice(0, key.lastIndexOf('@')).split('/');
  return { model, version };
}

import { ServalError } from '../../errors.ts';
import type { ClassifierManifest, Manifest } from '../../repository/manifest.ts';
import type { ModelRepository } from '../../repository/model-repository.ts';
import type { VersionRecord, VersionState } from '../../repository/version-lifecycle.ts';
import type { DataType, TensorInfo } from '../../tensor.ts';

/** The version that a path names: a number, a label, or neither. */
export interface NamedVersion {
  readonly model: string;
  readonly version?: string;
  readonly label?: string;
}

/** TensorFlow Serving's states of a version (get_model_status.proto). */
const STATES = {
  loading: 'LOADING',
  verifying: 'LOADING',
  ready: 'AVAILABLE',
  draining: 'UNLOADING',
  unloaded: 'END',
  failed: 'END',
} as const satisfies Record<VersionState, string>;

/** TensorFlow's names of the element types (types.proto). */
const DTYPES: Readonly<Record<DataType, string>> = {
  bool: 'DT_BOOL',
  int8: 'DT_INT8',
  int16: 'DT_INT16',
  int32: 'DT_INT32',
  int64: 'DT_INT64',
  uint8: 'DT_UINT8',
  uint16: 'DT_UINT16',
  uint32: 'DT_UINT32',
  uint64: 'DT_UINT64',
  float16: 'DT_HALF',
  float32: 'DT_FLOAT',
  float64: 'DT_DOUBLE',
  string: 'DT_STRING',
};

/**
 * The version's number: `stable` is the label of the version that serves requests which name none, `latest` of the
 * highest that is ready. Null where the path names none.
 * @throws ServalError SERVAL_VERSION_NOT_FOUND
 */
export function chosenVersion(repository: ModelRepository, { model, version, label }: NamedVersion): number | null {
  if (version !== undefined) return Number(version);
  if (label === undefined) return null;
  const ready = repository.versionsOf(model).filter(({ state }) => state === 'ready');
  const labelled = { stable: repository.servedVersion(model)?.manifest.version, latest: ready.at(-1)?.version };
  const found = label === 'stable' || label === 'latest' ? labelled[label] : undefined;
  if (found !== undefined) return found;
  throw new ServalError(
    'SERVAL_VERSION_NOT_FOUND',
    `No version of "${model}" has the label "${label.slice(0, 64)}"; there are stable and latest.`,
  );
}

/**
 * TensorFlow Serving's GetModelStatusResponse, with KServe's `name` and `ready` beside it: both protocols ask for it under
 * the same address.
 * @throws ServalError SERVAL_MODEL_NOT_FOUND, SERVAL_VERSION_NOT_FOUND
 */
export function modelStatus(repository: ModelRepository, named: NamedVersion) {
  const model = repository.ownerOfGraph(named.model) ?? named.model;
  const number = chosenVersion(repository, named);
  const records = repository.versionsOf(model).filter(({ version }) => number === null || version === number);
  if (records.length === 0) {
    throw new ServalError('SERVAL_VERSION_NOT_FOUND', `"${model}" has no version ${number}; GET /models lists them.`);
  }
  return {
    name: named.model,
    ready: records.some(({ state }) => state === 'ready'),
    model_version_status: records.map(statusOf),
  };
}

function statusOf({ version, state, reason }: VersionRecord) {
  return {
    version: String(version),
    state: STATES[state],
    status:
      state === 'failed'
        ? { error_code: 'UNKNOWN' as const, error_message: reason ?? '' }
        : { error_code: 'OK' as const, error_message: '' },
  };
}

/** TensorFlow Serving's GetModelMetadataResponse: the one signature of a model. */
export function modelMetadata(name: string, manifest: Manifest) {
  const { inputs, outputs } = signatureOf(name, manifest);
  return {
    model_spec: { name, signature_name: '', version: String(manifest.version) },
    metadata: {
      signature_def: {
        signature_def: {
          serving_default: {
            inputs: Object.fromEntries(inputs.map(tensorEntry)),
            outputs: Object.fromEntries(outputs.map(tensorEntry)),
            method_name: 'tensorflow/serving/predict',
          },
        },
      },
    },
  };
}

/** A bare graph's own tensors; of a model with a pipeline texts or encoded images in, labels and scores out. */
function signatureOf(
  name: string,
  manifest: Manifest,
): { readonly inputs: readonly TensorInfo[]; readonly outputs: readonly TensorInfo[] } {
  if (manifest.task === 'tensor' || name !== manifest.model) return manifest;
  return classifierSignature(manifest);
}

function classifierSignature({ task, classification }: ClassifierManifest) {
  const name = task === 'image-classification' ? 'image' : 'text';
  const text: DataType = 'string';
  const number: DataType = 'float32';
  return {
    inputs: [{ name, dataType: text, shape: [null] }],
    outputs: [
      { name: 'label', dataType: text, shape: [null] },
      { name: 'score', dataType: number, shape: [null] },
      { name: 'scores', dataType: number, shape: [null, classification.labels.length] },
    ],
  };
}

function tensorEntry({ name, dataType, shape }: TensorInfo) {
  const dim = shape.map((size) => ({ size: String(typeof size === 'number' ? size : -1), name: '' }));
  return [name, { dtype: DTYPES[dataType], tensor_shape: { dim, unknown_rank: false }, name: `${name}:0` }] as const;
}

import { ServalError } from '../errors.ts';
import { GRAPH_SUFFIX, type Manifest } from '../repository/manifest.ts';
import type { ModelRepository } from '../repository/model-repository.ts';
import type { VersionRecord } from '../repository/version-lifecycle.ts';
import { DATATYPE_NAMES, type DatatypeName } from '../tensor.ts';

/** The Open Inference Protocol's view of what is loaded. A model with a pipeline is there twice: itself, and its graph. */

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: DatatypeName;
  /** −1 where any size is taken. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** What a name of the protocol stands for. */
export interface Served {
  /** As the client named it. */
  readonly name: string;
  /** The folder's. */
  readonly model: string;
  readonly kind: 'pipeline' | 'graph';
}

export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: 'READY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE';
  readonly reason: string;
}

const PLATFORM = 'onnxruntime_onnx';
const VERSION = /^[1-9]\d{0,8}$/;

/**
 * A version as the protocol writes it; null where none is named.
 * @throws ServalError SERVAL_VERSION_NOT_FOUND
 */
export function versionOf(model: string, text: string | null): number | null {
  if (text === null || text === '') return null;
  if (VERSION.test(text)) return Number(text);
  throw new ServalError(
    'SERVAL_VERSION_NOT_FOUND',
    `"${model}" has no version "${text.slice(0, 32)}"; versions are whole numbers.`,
  );
}

export class ServedModels {
  readonly #repository: ModelRepository;

  constructor(repository: ModelRepository) {
    this.#repository = repository;
  }

  /** @throws ServalError where nothing of this name and version is ready. */
  resolve(name: string, version: number | null): Served & { readonly manifest: Manifest } {
    const owner = this.#repository.ownerOfGraph(name);
    const model = owner ?? name;
    const { manifest } = this.#repository.resolve(model, version);
    if (owner !== null && manifest.task === 'tensor') {
      throw new ServalError(
        'SERVAL_MODEL_NOT_FOUND',
        `No model is called "${name}"; "${model}" is a bare graph itself.`,
      );
    }
    return { name, model, kind: owner !== null || manifest.task === 'tensor' ? 'graph' : 'pipeline', manifest };
  }

  /** Whether it would take a request; an unknown name is an error, one that is not ready is not. */
  isReady(name: string, version: number | null): boolean {
    try {
      this.resolve(name, version);
      return true;
    } catch (error) {
      if (error instanceof ServalError && error.code === 'SERVAL_VERSION_NOT_READY') return false;
      throw error;
    }
  }

  metadata(name: string, version: number | null): ModelMetadata {
    const { kind, model, manifest } = this.resolve(name, version);
    const ready = this.#repository.versionsOf(model).filter(({ state }) => state === 'ready');
    return {
      name,
      versions: ready.map((record) => String(record.version)),
      platform: PLATFORM,
      ...tensorsOf(kind, manifest),
    };
  }

  /** @param readyOnly leaves out what takes no requests. */
  index(readyOnly: boolean): IndexEntry[] {
    const entries = this.#repository.records.flatMap((record) => {
      const entry = indexEntry(record.model, record);
      const hasPipeline = record.manifest !== null && record.manifest.task !== 'tensor';
      return hasPipeline ? [entry, { ...entry, name: record.model + GRAPH_SUFFIX }] : [entry];
    });
    return entries.filter(({ state }) => !readyOnly || state === 'READY');
  }
}

function indexEntry(name: string, { version, state, reason }: VersionRecord): IndexEntry {
  return { name, version: String(version), state: stateOf(state), reason: reason ?? '' };
}

function stateOf(state: VersionRecord['state']): IndexEntry['state'] {
  switch (state) {
    case 'ready':
      return 'READY';
    case 'loading':
    case 'verifying':
      return 'LOADING';
    case 'draining':
      return 'UNLOADING';
    case 'unloaded':
    case 'failed':
      return 'UNAVAILABLE';
  }
}

/** Name of the input that a pipeline takes. */
export function pipelineInput(manifest: Manifest): 'text' | 'image' {
  return manifest.task === 'image-classification' ? 'image' : 'text';
}

function tensorsOf(kind: Served['kind'], manifest: Manifest): Pick<ModelMetadata, 'inputs' | 'outputs'> {
  if (kind === 'graph' || manifest.task === 'tensor') {
    const describe = ({ name, dataType, shape }: Manifest['inputs'][number]): TensorMetadata => ({
      name,
      datatype: DATATYPE_NAMES[dataType],
      shape: shape.map((size) => (typeof size === 'number' ? size : -1)),
    });
    return { inputs: manifest.inputs.map(describe), outputs: manifest.outputs.map(describe) };
  }
  return {
    inputs: [{ name: pipelineInput(manifest), datatype: 'BYTES', shape: [-1] }],
    outputs: [
      { name: 'label', datatype: 'BYTES', shape: [-1] },
      { name: 'score', datatype: 'FP32', shape: [-1] },
      { name: 'scores', datatype: 'FP32', shape: [-1, manifest.classification.labels.length] },
    ],
  };
}

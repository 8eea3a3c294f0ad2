import { ServalError } from '../errors.ts';
import type { Manifest } from '../repository/manifest.ts';
import type { TensorsItem } from '../scheduler/item.ts';
import { DATATYPE_NAMES, elementCount, isDynamic, lengthOf, type Tensor, type TensorInfo } from '../tensor.ts';

export type NamedTensors = Readonly<Record<string, Tensor>>;

/** The bare graph: raw tensors in and out, checked against what the graph says of itself. */
export class TensorPipeline {
  readonly manifest: Manifest;
  /** Items that may share a batch are those of equal further axes; off where the version's batching is. */
  readonly #batches: boolean;

  /** @param batches whether this version's rows may run with another request's. */
  constructor(manifest: Manifest, batches: boolean) {
    this.manifest = manifest;
    this.#batches = batches && manifest.sharesFirstAxis;
  }

  /**
   * @param wanted names of the outputs to compute; null for all.
   * @throws ServalError SERVAL_TENSOR_NAME, SERVAL_TENSOR_DATATYPE, SERVAL_TENSOR_SHAPE, SERVAL_TENSOR_DATA, each
   * naming the tensor.
   */
  encode(tensors: NamedTensors, wanted: readonly string[] | null): TensorsItem {
    const { inputs } = this.manifest;
    const symbols = new Map<string, { readonly size: number; readonly input: string }>();
    for (const name of Object.keys(tensors)) {
      if (!inputs.some((input) => input.name === name)) throw unknownName('input', name, inputs);
    }
    for (const input of inputs) {
      const tensor = Object.hasOwn(tensors, input.name) ? tensors[input.name] : undefined;
      if (tensor === undefined) {
        throw new ServalError(
          'SERVAL_TENSOR_NAME',
          `Input "${input.name}" is missing; the graph takes ${listOf(inputs)}.`,
        );
      }
      checkTensor(input, tensor);
      checkSymbols(input, tensor, symbols);
    }
    return {
      kind: 'tensors',
      tensors,
      outputs: this.#outputs(wanted),
      size: this.#sizeOf(tensors),
      group: this.#groupOf(tensors),
    };
  }

  #outputs(wanted: readonly string[] | null): string[] {
    const { outputs } = this.manifest;
    if (wanted === null || wanted.length === 0) return outputs.map(({ name }) => name);
    for (const [at, name] of wanted.entries()) {
      if (!outputs.some((output) => output.name === name)) throw unknownName('output', name, outputs);
      if (wanted.indexOf(name) !== at)
        throw new ServalError('SERVAL_TENSOR_NAME', `Output "${name}" is asked for twice.`);
    }
    return [...wanted];
  }

  #sizeOf(tensors: NamedTensors): number {
    const [first] = this.manifest.inputs;
    const shape = (first === undefined ? undefined : tensors[first.name])?.shape ?? [];
    return shape.reduce((product, size, axis) => product * (isDynamic(first?.shape[axis]) ? size : 1), 1);
  }

  #groupOf(tensors: NamedTensors): string | null {
    if (!this.#batches) return null;
    return this.manifest.inputs.map(({ name }) => tensors[name]?.shape.slice(1).join('x') ?? '').join(';');
  }
}

function checkTensor(info: TensorInfo, tensor: Tensor): void {
  const { dataType, shape } = tensor;
  const { name } = info;
  const length = lengthOf(tensor);
  if (dataType !== info.dataType) {
    const message = `Input "${name}" has datatype ${DATATYPE_NAMES[dataType]}, the graph takes ${DATATYPE_NAMES[info.dataType]}.`;
    throw new ServalError('SERVAL_TENSOR_DATATYPE', message);
  }
  if (shape.includes(0)) {
    throw new ServalError(
      'SERVAL_TENSOR_SHAPE',
      `Input "${name}" has shape ${shapeText(shape)}: an empty dimension; send at least one element along each axis.`,
    );
  }
  const fits =
    shape.length === info.shape.length && info.shape.every((size, axis) => isDynamic(size) || size === shape[axis]);
  if (!fits) {
    throw new ServalError(
      'SERVAL_TENSOR_SHAPE',
      `Input "${name}" has shape ${shapeText(shape)}, the graph takes ${shapeText(info.shape)}.`,
    );
  }
  if (length !== elementCount(shape)) {
    throw new ServalError(
      'SERVAL_TENSOR_DATA',
      `Input "${name}" has ${length} elements, its shape ${shapeText(shape)} needs ${elementCount(shape)}.`,
    );
  }
}

/** Axes that the graph calls by one name must be of one length. */
function checkSymbols(
  { name, shape: declared }: TensorInfo,
  { shape }: Tensor,
  symbols: Map<string, { readonly size: number; readonly input: string }>,
): void {
  for (const [axis, symbol] of declared.entries()) {
    const size = shape[axis] ?? 0;
    if (typeof symbol !== 'string') continue;
    const known = symbols.get(symbol) ?? { size, input: name };
    symbols.set(symbol, known);
    if (known.size === size) continue;
    throw new ServalError(
      'SERVAL_TENSOR_SHAPE',
      `Input "${name}" has ${size} along axis ${axis} ("${symbol}"), input "${known.input}" has ${known.size}; they must be equal.`,
    );
  }
}

/** As the Open Inference Protocol writes shapes: −1 where any size is taken. */
function shapeText(shape: TensorInfo['shape']): string {
  return `[${shape.map((size) => (typeof size === 'number' ? size : -1)).join(', ')}]`;
}

function unknownName(kind: 'input' | 'output', name: string, infos: readonly TensorInfo[]): ServalError {
  const verb = kind === 'input' ? 'takes' : 'gives';
  return new ServalError(
    'SERVAL_TENSOR_NAME',
    `The graph has no ${kind} "${shortened(name)}"; it ${verb} ${listOf(infos)}.`,
  );
}

function shortened(name: string): string {
  return name.length > 128 ? `${name.slice(0, 128)}…` : name;
}

function listOf(infos: readonly TensorInfo[]): string {
  return infos.map(({ name }) => `"${name}"`).join(', ');
}

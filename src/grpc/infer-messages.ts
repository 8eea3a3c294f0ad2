import { ServalError } from '../errors.ts';
import { writeElements } from '../open-inference/bytes-elements.ts';
import {
  checkNames,
  checkShape,
  dataTypeOf,
  type InferInput,
  type InferRequest,
  inputFromBytes,
  type Layout,
  type Parameters,
} from '../open-inference/infer-request.ts';
import { freeOutputs, type InferResponse } from '../open-inference/inference.ts';
import {
  bytesOfView,
  DATATYPE_NAMES,
  type DataType,
  elementCount,
  type Tensor,
  type TensorData,
  zeros,
} from '../tensor.ts';

/** The messages of inference as proto-loader gives and takes them: names as in the file, 64-bit integers as texts. */

interface ParameterMessage {
  readonly parameter_choice?: 'bool_param' | 'int64_param' | 'string_param' | 'double_param' | 'uint64_param';
  readonly bool_param?: boolean;
  readonly int64_param?: string;
  readonly string_param?: string;
  readonly double_param?: number;
  readonly uint64_param?: string;
}

type ParameterMap = Readonly<Record<string, ParameterMessage>>;

type ContentsField =
  | 'bool_contents'
  | 'int_contents'
  | 'int64_contents'
  | 'uint_contents'
  | 'uint64_contents'
  | 'fp32_contents'
  | 'fp64_contents'
  | 'bytes_contents';

type ContentsMessage = { readonly [Field in ContentsField]?: readonly (boolean | number | string | Uint8Array)[] };

export interface ModelInferRequest {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters?: ParameterMap;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly string[];
    readonly contents?: ContentsMessage | null;
  }[];
  readonly outputs: readonly { readonly name: string; readonly parameters?: ParameterMap }[];
  readonly raw_input_contents: readonly Uint8Array[];
}

/** Disposing of it gives back the outputs' memory. */
export interface ModelInferResponse extends Partial<Disposable> {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly contents?: ContentsMessage;
  }[];
  readonly raw_output_contents?: readonly Uint8Array[];
}

const CONTENTS: Readonly<Record<Exclude<DataType, 'float16'>, ContentsField>> = {
  bool: 'bool_contents',
  int8: 'int_contents',
  int16: 'int_contents',
  int32: 'int_contents',
  int64: 'int64_contents',
  uint8: 'uint_contents',
  uint16: 'uint_contents',
  uint32: 'uint_contents',
  uint64: 'uint64_contents',
  float32: 'fp32_contents',
  float64: 'fp64_contents',
  string: 'bytes_contents',
};

/** @throws ServalError naming the tensor where one is wrong. */
export function readRequest(message: ModelInferRequest): InferRequest {
  const { id, inputs, outputs, raw_input_contents: raw } = message;
  if (raw.length > 0 && raw.length !== inputs.length) {
    const text = `raw_input_contents has ${raw.length} tensors for ${inputs.length} inputs; send one for each, in their order.`;
    throw new ServalError('SERVAL_TENSOR_DATA', text);
  }
  const read = inputs.map(({ name, datatype, shape, contents }, index) => {
    const layout = { name, dataType: dataTypeOf(name, datatype), shape: checkShape(name, shape.map(Number)) };
    const bytes = raw[index];
    if (bytes === undefined) return inputFromContents(layout, contents ?? {});
    if (contents != null && Object.values(contents).some((values) => values.length > 0)) {
      throw new ServalError('SERVAL_TENSOR_DATA', `Input "${name}" has both contents and raw_input_contents.`);
    }
    return inputFromBytes(layout, bytes);
  });
  checkNames(read);
  return {
    id: id === '' ? null : id,
    inputs: read,
    outputs:
      outputs.length === 0
        ? null
        : outputs.map(({ name, parameters }) => ({ name, parameters: parametersOf(parameters) })),
    parameters: parametersOf(message.parameters),
  };
}

function parametersOf(messages: ParameterMap = {}): Parameters {
  return Object.fromEntries(
    Object.entries(messages).map(([name, message]) => {
      const { parameter_choice: choice } = message;
      const value = choice === undefined ? undefined : message[choice];
      return [name, choice === 'int64_param' || choice === 'uint64_param' ? Number(value) : value];
    }),
  );
}

function inputFromContents({ name, dataType, shape }: Layout, contents: ContentsMessage): InferInput {
  if (dataType === 'float16') {
    throw new ServalError('SERVAL_TENSOR_DATA', `Input "${name}": FP16 goes in raw_input_contents only.`);
  }
  const field = CONTENTS[dataType];
  const other = Object.entries(contents).find(([key, values]) => key !== field && values.length > 0);
  if (other !== undefined) {
    throw new ServalError(
      'SERVAL_TENSOR_DATA',
      `Input "${name}": ${DATATYPE_NAMES[dataType]} stands in ${field}, not in ${other[0]}.`,
    );
  }
  const values = contents[field] ?? [];
  const count = elementCount(shape);
  if (values.length !== count) {
    const message = `Input "${name}" has ${values.length} elements in ${field}, its shape [${shape.join(', ')}] needs ${count}.`;
    throw new ServalError('SERVAL_TENSOR_DATA', message);
  }
  if (dataType === 'string') return { name, dataType, shape, data: values as readonly Uint8Array[] };
  return { name, dataType, shape, data: elementsFrom(name, dataType, values) };
}

function elementsFrom(
  name: string,
  dataType: Exclude<DataType, 'string'>,
  values: readonly (boolean | number | string | Uint8Array)[],
): TensorData {
  const data = zeros(dataType, values.length);
  for (const [at, value] of values.entries()) {
    data[at] = data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(String(value)) : Number(value);
    // A number that the datatype cannot hold came out as another one; floats are as exact as the message has them.
    if (typeof value !== 'number' || dataType === 'float32' || dataType === 'float64' || data[at] === value) continue;
    throw new ServalError(
      'SERVAL_TENSOR_DATA',
      `Input "${name}", element ${at}: not a value of ${DATATYPE_NAMES[dataType]}.`,
    );
  }
  return data;
}

/** @param raw as the inputs came; FP16 goes no other way. */
export function writeResponse(response: InferResponse, id: string, raw: boolean): ModelInferResponse {
  const { name, manifest, outputs } = response;
  const head = {
    model_name: name,
    model_version: String(manifest.version),
    id,
    [Symbol.dispose]: () => freeOutputs(response),
  };
  const isRaw = raw || outputs.some(({ tensor }) => tensor.dataType === 'float16');
  const described = outputs.map(({ name: output, tensor: { dataType, shape } }) => ({
    name: output,
    datatype: DATATYPE_NAMES[dataType],
    shape,
  }));
  if (isRaw) return { ...head, outputs: described, raw_output_contents: outputs.map(({ tensor }) => rawBytes(tensor)) };
  return {
    ...head,
    outputs: described.map((output, at) => ({ ...output, contents: contentsOf(outputs[at]?.tensor) })),
  };
}

function rawBytes({ data }: Tensor): Uint8Array {
  const bytes = Array.isArray(data) ? writeElements(data) : bytesOfView(data);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function contentsOf(tensor: Tensor | undefined): ContentsMessage {
  if (tensor === undefined || tensor.dataType === 'float16')
    throw new Error('This is a bug: a tensor that only goes raw');
  const { dataType, data } = tensor;
  const field = CONTENTS[dataType];
  if (Array.isArray(data)) return { [field]: data.map((text) => Buffer.from(text, 'utf8')) };
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return { [field]: Array.from(data, String) };
  return { [field]: Array.from(data, (value) => (dataType === 'bool' ? value !== 0 : value)) };
}

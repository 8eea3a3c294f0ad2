import { ServalError } from '../errors.ts';
import { bytesOfView, DATATYPE_NAMES, type Tensor } from '../tensor.ts';
import { writeElements } from './bytes-elements.ts';

export interface ResponseOutput {
  readonly name: string;
  readonly tensor: Tensor;
  /** Whether it goes behind the JSON, as its raw bytes. */
  readonly binary: boolean;
}

export interface ResponseParts {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly outputs: readonly ResponseOutput[];
}

export interface WrittenResponse {
  /** UTF-8 bytes where it was written elsewhere: they can be handed over, a text would be copied. */
  readonly json: string | Uint8Array;
  /** What goes behind the JSON, in the order of the outputs. */
  readonly binary: readonly Uint8Array[];
}

/**
 * Writes an answer of the REST protocol.
 * @throws ServalError SERVAL_TENSOR_DATA where JSON has no number for an element.
 */
export function writeInferResponse({
  modelName,
  modelVersion,
  id,
  outputs,
}: ResponseParts): WrittenResponse & { readonly json: string } {
  const binary: Uint8Array[] = [];
  const written = outputs.map(({ name, tensor, binary: isBinary }) => {
    const { dataType, shape } = tensor;
    const head = `{"name":${JSON.stringify(name)},"datatype":"${DATATYPE_NAMES[dataType]}","shape":[${shape.join(',')}]`;
    if (!isBinary) return `${head},"data":[${elementsText(name, tensor)}]}`;
    const bytes = Array.isArray(tensor.data) ? writeElements(tensor.data) : bytesOfView(tensor.data);
    binary.push(bytes);
    return `${head},"parameters":{"binary_data_size":${bytes.byteLength}}}`;
  });
  const head = JSON.stringify({ model_name: modelName, model_version: modelVersion, id });
  return { json: `${head.slice(0, -1)},"outputs":[${written.join(',')}]}`, binary };
}

/** Elements whose JSON is written while nobody else waits; more take a thread of their own. */
export function jsonElements({ outputs }: ResponseParts): number {
  return outputs.reduce((total, { binary, tensor }) => total + (binary ? 0 : tensor.data.length), 0);
}

function elementsText(name: string, { dataType, data }: Tensor): string {
  if (Array.isArray(data)) return data.map((text) => JSON.stringify(text)).join(',');
  switch (dataType) {
    case 'bool':
      return Array.from(data as Uint8Array, (value) => (value === 0 ? 'false' : 'true')).join(',');
    case 'float16':
      return Array.from(data as Uint16Array, (bits) => numberText(name, float16Value(bits))).join(',');
    case 'float32':
    case 'float64':
      return Array.from(data as Float32Array, (value) => numberText(name, value)).join(',');
    default:
      return data.join(',');
  }
}

function numberText(name: string, value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (Number.isFinite(value)) return String(value);
  const message = `Output "${name}" holds NaN or infinity, which JSON has no number for; ask for it with "binary_data": true.`;
  throw new ServalError('SERVAL_TENSOR_DATA', message);
}

const HALF = new DataView(new ArrayBuffer(2)) as DataView & { getFloat16(at: number): number };

export function float16Value(bits: number): number {
  HALF.setUint16(0, bits);
  return HALF.getFloat16(0);
}

import protobuf from 'protobufjs/minimal.js';
import type { DataType, TensorInfo } from '../tensor.ts';

/** What Serval needs to know of a graph before a worker loads it. */
export interface OnnxGraph {
  /** The inputs that a caller gives: initializers that older exports list as inputs are left out. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Operator that makes each output, for example `Softmax`; undefined where the output is an input or a constant. */
  readonly outputOperators: ReadonlyMap<string, string | undefined>;
  /** All that it uses, those of graphs inside its nodes included. */
  readonly operators: ReadonlySet<string>;
  /** Files beside the model that hold its weights, as the graph names them. */
  readonly externalDataFiles: readonly string[];
}

export class OnnxFormatError extends Error {
  override readonly name = 'OnnxFormatError';
}

/** Numbers of `TensorProto.DataType` in onnx.proto. */
const DATA_TYPES: Readonly<Record<number, DataType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
};

type Reader = protobuf.Reader;
type Field = (reader: Reader, wireType: number) => void;

/**
 * Reads the parts of an ONNX file named in {@link OnnxGraph}; weights are skipped, not copied.
 * Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 * @throws OnnxFormatError when the bytes are not a whole ONNX model.
 */
export function readOnnxGraph(bytes: Uint8Array): OnnxGraph {
  const graph = new GraphFields();
  let hasGraph = false;
  try {
    // ModelProto: graph = 7
    readMessage(protobuf.Reader.create(bytes), {
      7: (reader) => {
        hasGraph = true;
        graph.read(reader);
      },
    });
  } catch (cause) {
    if (cause instanceof OnnxFormatError) throw cause;
    throw new OnnxFormatError('is not an ONNX model, or is cut short', { cause });
  }
  if (!hasGraph) throw new OnnxFormatError('is not an ONNX model: it holds no graph');
  return graph.result();
}

class GraphFields {
  readonly #inputs: TensorInfo[] = [];
  readonly #outputs: TensorInfo[] = [];
  readonly #producers = new Map<string, string>();
  readonly #initializers = new Set<string>();
  readonly #operators = new Set<string>();
  readonly #externalDataFiles = new Set<string>();

  /** GraphProto: node = 1, initializer = 5, input = 11, output = 12, sparse_initializer = 15. */
  read(reader: Reader): void {
    readSubMessage(reader, {
      1: (node) => this.#node(node),
      5: (tensor) => this.#initializers.add(this.#tensor(tensor)),
      11: (value) => {
        const { info, elementType } = readValueInfo(value);
        if (info.dataType === null) throw new OnnxFormatError(`has "${info.name}" of element type ${elementType}`);
        this.#inputs.push({ ...info, dataType: info.dataType });
      },
      12: (value) => {
        // Sequences and maps, as converters add them for classifiers, are left out: the tensors beside them are served.
        const { info } = readValueInfo(value);
        if (info.dataType !== null) this.#outputs.push({ ...info, dataType: info.dataType });
      },
      15: (sparse) => readSubMessage(sparse, { 1: (t) => void this.#tensor(t), 2: (t) => void this.#tensor(t) }),
    });
  }

  result(): OnnxGraph {
    return {
      inputs: this.#inputs.filter(({ name }) => !this.#initializers.has(name)),
      outputs: this.#outputs,
      outputOperators: new Map(this.#outputs.map(({ name }) => [name, this.#producers.get(name)])),
      operators: this.#operators,
      externalDataFiles: [...this.#externalDataFiles],
    };
  }

  /** NodeProto: output = 2, op_type = 4, attribute = 5. */
  #node(reader: Reader): void {
    const outputs: string[] = [];
    let operator = '';
    readSubMessage(reader, {
      2: (field) => outputs.push(field.string()),
      4: (field) => {
        operator = field.string();
      },
      5: (field) => this.#attribute(field),
    });
    this.#operators.add(operator);
    for (const output of outputs) this.#producers.set(output, operator);
  }

  /** AttributeProto: t = 5, g = 6, tensors = 10, graphs = 11. Tensors and graphs inside may name files too. */
  #attribute(reader: Reader): void {
    const tensor: Field = (field) => void this.#tensor(field);
    const graph: Field = (field) => {
      const inner = new GraphFields();
      inner.read(field);
      for (const file of inner.#externalDataFiles) this.#externalDataFiles.add(file);
      for (const operator of inner.#operators) this.#operators.add(operator);
    };
    readSubMessage(reader, { 5: tensor, 6: graph, 10: tensor, 11: graph });
  }

  /** TensorProto: name = 8, external_data = 13 (StringStringEntryProto: key = 1, value = 2). Returns the name. */
  #tensor(reader: Reader): string {
    let name = '';
    readSubMessage(reader, {
      8: (field) => {
        name = field.string();
      },
      13: (entry) => {
        const { key, value } = readStrings(entry, { key: 1, value: 2 });
        if (key === 'location') this.#externalDataFiles.add(value);
      },
    });
    return name;
  }
}

/** ValueInfoProto: name = 1, type = 2. TypeProto: tensor_type = 1. TypeProto.Tensor: elem_type = 1, shape = 2. */
function readValueInfo(reader: Reader): {
  info: Omit<TensorInfo, 'dataType'> & { dataType: DataType | null };
  elementType: number;
} {
  let name = '';
  let elementType = 0;
  const shape: (number | string | null)[] = [];
  readSubMessage(reader, {
    1: (field) => {
      name = field.string();
    },
    2: (type) =>
      readSubMessage(type, {
        1: (tensorType) =>
          readSubMessage(tensorType, {
            1: (field) => {
              elementType = field.int32();
            },
            // TensorShapeProto: dim = 1
            2: (dims) => readSubMessage(dims, { 1: (dim) => shape.push(readDimension(dim)) }),
          }),
      }),
  });
  return { info: { name, dataType: DATA_TYPES[elementType] ?? null, shape }, elementType };
}

/** TensorShapeProto.Dimension: dim_value = 1, dim_param = 2. */
function readDimension(reader: Reader): number | string | null {
  let dimension: number | string | null = null;
  readSubMessage(reader, {
    1: (field) => {
      dimension = Number(field.int64());
    },
    2: (field) => {
      dimension = field.string();
    },
  });
  return dimension;
}

function readStrings<Name extends string>(reader: Reader, fields: Record<Name, number>): Record<Name, string> {
  const values = {} as Record<Name, string>;
  const readers: Record<number, Field> = {};
  for (const [name, number] of Object.entries(fields) as [Name, number][]) {
    values[name] = '';
    readers[number] = (field) => {
      values[name] = field.string();
    };
  }
  readSubMessage(reader, readers);
  return values;
}

/** Reads a length-delimited message at the reader's place. */
function readSubMessage(reader: Reader, fields: Record<number, Field>): void {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError('message reaches beyond the file');
  readMessage(reader, fields, end);
}

function readMessage(reader: Reader, fields: Record<number, Field>, end = reader.len): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = fields[tag >>> 3];
    if (field === undefined) reader.skipType(tag & 7);
    else field(reader, tag & 7);
  }
  if (reader.pos !== end) throw new RangeError('message ends inside a field');
}

import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { DataType, Tensor, TensorData, TensorInfo } from '../tensor.ts';

/** An ONNX Runtime session on one thread. The only place that knows the runtime. */
export class OnnxSession {
  readonly #session: InferenceSession;
  readonly inputs: readonly TensorInfo[];

  private constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata
      .filter((input) => input.isTensor)
      .map(({ name, type, shape }) => ({ name, dataType: type as DataType, shape: [...shape] }));
  }

  /** @throws Error with the runtime's reason when the file is not a model that it can run. */
  static async load(modelFile: string): Promise<OnnxSession> {
    const session = await InferenceSession.create(modelFile, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      // One thread a worker: two processes give 1.4 × what one with two threads does.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // Patterns are kept for each shape seen; with free sequence lengths they would only grow.
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    return new OnnxSession(session);
  }

  /** Runs the graph; `outputs` names what is computed. Blocks this process's event loop until it is done. */
  async run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Record<string, Tensor>> {
    const native: Record<string, OrtTensor> = {};
    for (const [name, { dataType, shape, data }] of Object.entries(feeds)) {
      native[name] = new OrtTensor(dataType, data as never, shape);
    }
    const results = await this.#session.run(native, outputs);
    const tensors: Record<string, Tensor> = {};
    for (const [name, result] of Object.entries(results)) {
      tensors[name] = {
        dataType: result.type as DataType,
        shape: result.dims,
        data: rawFloat16(result.data as TensorData | HalfFloats),
      };
    }
    return tensors;
  }
}

/** Node has had them since 24; TypeScript's library for it does not know. */
type HalfFloats = { readonly BYTES_PER_ELEMENT: 2 } & Pick<Uint16Array, 'buffer' | 'byteOffset' | 'length'>;

/** Half floats travel as their 16 bits: not every side of the way has an array for them. */
function rawFloat16(data: TensorData | HalfFloats): TensorData {
  if (data.constructor.name !== 'Float16Array') return data as TensorData;
  const { buffer, byteOffset, length } = data as HalfFloats;
  return new Uint16Array(buffer, byteOffset, length);
}

import path from 'node:path';
import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { DataType, Tensor, TensorData, TensorInfo } from '../tensor.ts';

const OPTIONS = {
  executionProviders: ['cpu'],
  graphOptimizationLevel: 'all',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  // Patterns are kept for each shape seen; with free sequence lengths they would only grow.
  enableMemPattern: false,
  logSeverityLevel: 3,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} as const satisfies InferenceSession.SessionOptions;

/** Longer than what lies between the shares of two operators, and much shorter than a turn on a core (3 ms and more). */
const LONE_SPIN_US = 50;

/** The runtime's own version, as 1.30.0. */
export const RUNTIME_VERSION = env.versions.node ?? env.versions.common;

/** An ONNX Runtime session. The only place that knows the runtime. */
export class OnnxSession {
  readonly #session: InferenceSession;
  readonly inputs: readonly TensorInfo[];

  private constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata
      .filter((input) => input.isTensor)
      .map(({ name, type, shape }) => ({ name, dataType: type as DataType, shape: [...shape] }));
  }

  /**
   * @param model its file, or its bytes.
   * @param threads that a run uses. One by default: two processes give 1.4 × what one with two threads does.
   * @throws Error with the runtime's reason when the file is not a model that it can run.
   */
  static async load(model: string | Uint8Array, threads = 1): Promise<OnnxSession> {
    return new OnnxSession(await createSession(model, { ...OPTIONS, intraOpNumThreads: threads }));
  }

  /**
   * On a GPU; nodes that CUDA has no kernels for run on the CPU.
   * @param model its file, or its bytes.
   * @param device as CUDA counts them.
   * @throws Error with the runtime's reason where CUDA is not there, or not for this model: the runtime does not take
   *   another provider by itself.
   */
  static async loadOnCuda(model: string | Uint8Array, device: number, threads = 1): Promise<OnnxSession> {
    const options = {
      ...OPTIONS,
      intraOpNumThreads: threads,
      executionProviders: [{ name: 'cuda', deviceId: device }, 'cpu'],
    } as const;
    return new OnnxSession(await createSession(model, options));
  }

  /** Loads what `saveOptimised` wrote: nothing is left to optimise, and its weights are mapped, not copied. */
  static async loadOptimised(modelFile: string, threads = 1): Promise<OnnxSession> {
    const options = { ...OPTIONS, intraOpNumThreads: threads, graphOptimizationLevel: 'disabled' } as const;
    return new OnnxSession(await InferenceSession.create(modelFile, options));
  }

  /**
   * Loads the same for runs that have the machine to themselves: threads wait for their share of the next operator awake,
   * as waking them would take longer than they gain, and sleep as soon as the run is over, or nothing comes for them for a
   * while: one that was put on the core of another would keep that from going on.
   */
  static async loadForLoneRuns(modelFile: string, threads: number): Promise<OnnxSession> {
    const options = {
      ...OPTIONS,
      intraOpNumThreads: threads,
      graphOptimizationLevel: 'disabled',
      extra: {
        session: { force_spinning_stop: '1', intra_op: { allow_spinning: '1', spin_duration_us: `${LONE_SPIN_US}` } },
      },
    } as const;
    return new OnnxSession(await InferenceSession.create(modelFile, options));
  }

  /**
   * Writes the model as the runtime has optimised it for this machine into a folder: `model.onnx`, and `weights.bin` with
   * the weights and, beside those that kernels rearrange, their rearranged form.
   * @returns the session that was saved.
   */
  static async saveOptimised(modelFile: string, folder: string): Promise<OnnxSession> {
    const session = await InferenceSession.create(modelFile, {
      ...OPTIONS,
      optimizedModelFilePath: path.join(folder, 'model.onnx'),
      extra: {
        session: {
          ...OPTIONS.extra.session,
          optimized_model_external_initializers_file_name: 'weights.bin',
          optimized_model_external_initializers_min_size_in_bytes: '1024',
          save_external_prepacked_constant_initializers: '1',
        },
      },
    });
    return new OnnxSession(session);
  }

  /** Runs the graph; `outputs` names what is computed. Blocks this process's event loop until it is done. */
  async run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Record<string, Tensor>> {
    const native: Record<string, OrtTensor> = {};
    for (const [name, { dataType, shape, data }] of Object.entries(feeds)) {
      native[name] = nativeTensor({ dataType, shape, data });
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

function createSession(
  model: string | Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  // Its overloads take one or the other, not both.
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options);
}

/**
 * The runtime's native half reads `data`, and takes half floats only as a Uint16Array: from a Float16Array, which its
 * JavaScript half makes of one since Node has them, it reads nothing (onnxruntime-node 1.30).
 */
function nativeTensor({ dataType, shape, data }: Tensor): OrtTensor {
  const tensor = new OrtTensor(dataType, data as never, shape);
  return dataType === 'float16' ? Object.defineProperty(tensor, 'data', { value: data }) : tensor;
}

/** Node has had them since 24; TypeScript's library for it does not know. */
type HalfFloats = { readonly BYTES_PER_ELEMENT: 2 } & Pick<Uint16Array, 'buffer' | 'byteOffset' | 'length'>;

/** Half floats travel as their 16 bits: not every side of the way has an array for them. */
function rawFloat16(data: TensorData | HalfFloats): TensorData {
  if (data.constructor.name !== 'Float16Array') return data as TensorData;
  const { buffer, byteOffset, length } = data as HalfFloats;
  return new Uint16Array(buffer, byteOffset, length);
}

import type { OnnxGraph } from './onnx-graph.ts';

/**
 * Operators of integer arithmetic that ONNX Runtime's CUDA library has no kernels for: 1.30's does not even hold their
 * names. A graph with them runs there node by node on the CPU, its tensors copied to and fro.
 */
const ONLY_ON_CPU = /^(ConvInteger|DynamicQuantize\w+|MatMulIntegerToFloat|QLinear\w+)$/;

/** Whether the graph was quantised for CPUs. */
export function needsCpuKernels({ operators }: Pick<OnnxGraph, 'operators'>): boolean {
  return [...operators].some((operator) => ONLY_ON_CPU.test(operator));
}

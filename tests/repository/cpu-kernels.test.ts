import { expect, test } from 'vitest';
import { needsCpuKernels } from '../../src/repository/cpu-kernels.ts';
import { readOnnxGraph } from '../../src/repository/onnx-graph.ts';
import { onnxFile } from '../fixtures/onnx-file.ts';

test.each([
  [['MatMul', 'Add', 'Softmax'], false],
  // Weights alone: CUDA has kernels for both.
  [['MatMulNBits', 'DequantizeLinear', 'MatMul'], false],
  [['QuantizeLinear', 'MatMulIntegerToFloat'], true],
  [['DynamicQuantizeLinear', 'MatMulInteger'], true],
  [['QLinearConv'], true],
  [['ConvInteger'], true],
])('a graph of %j was quantised for CPUs: %s', (operators, expected) => {
  const nodes = operators.map((operator, k) => ({ operator, inputs: [`t${k}`], outputs: [`t${k + 1}`] }));
  const bytes = onnxFile({
    nodes,
    constants: [],
    inputs: [{ name: 't0', type: 'float32', shape: [1] }],
    outputs: [{ name: `t${operators.length}`, type: 'float32', shape: [1] }],
  });
  expect(needsCpuKernels(readOnnxGraph(bytes))).toBe(expected);
});

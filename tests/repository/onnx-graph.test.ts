import { expect, test } from 'vitest';
import { OnnxFormatError, readOnnxGraph } from '../../src/repository/onnx-graph.ts';
import { onnxFile } from '../fixtures/onnx-file.ts';
import { textGraph } from '../fixtures/text-model.ts';

test('inputs and outputs come with their names, types and shapes', () => {
  const graph = readOnnxGraph(onnxFile(textGraph({ fixedLength: 16 })));
  expect(graph.inputs).toEqual([
    { name: 'input_ids', dataType: 'int64', shape: ['batch', 16] },
    { name: 'attention_mask', dataType: 'int64', shape: ['batch', 16] },
  ]);
  expect(graph.outputs).toEqual([{ name: 'logits', dataType: 'float32', shape: ['batch', 3] }]);
});

test('a dimension that the graph says nothing about is null', () => {
  const graph = textGraph();
  const inputs = [{ name: 'input_ids', type: 'int64' as const, shape: [null, null] }];
  expect(readOnnxGraph(onnxFile({ ...graph, inputs })).inputs[0]?.shape).toEqual([null, null]);
});

test('an initializer that an older export lists as an input is none', () => {
  const graph = textGraph();
  const inputs = [...graph.inputs, { name: 'weights', type: 'float32' as const, shape: [8, 3] }];
  const names = readOnnxGraph(onnxFile({ ...graph, inputs })).inputs.map(({ name }) => name);
  expect(names).toEqual(['input_ids', 'attention_mask']);
});

test('the operator that makes an output is known', () => {
  const graph = readOnnxGraph(onnxFile(textGraph({ ending: 'Softmax' })));
  expect(graph.outputOperators.get('logits')).toBe('Softmax');
});

test('files with external weights are named once each', () => {
  const graph = readOnnxGraph(onnxFile(textGraph({ externalFile: 'model.onnx_data' })));
  expect(graph.externalDataFiles).toEqual(['model.onnx_data']);
});

test('external weights of a constant inside a node are found', () => {
  const graph = textGraph();
  const value = { name: 'inner', type: 'float32' as const, shape: [1], values: [0], externalFile: 'inner.bin' };
  const constant = { operator: 'Constant', inputs: [], outputs: ['constant'], tensors: { value } };
  const file = onnxFile({ ...graph, nodes: [constant, ...graph.nodes] });
  expect(readOnnxGraph(file).externalDataFiles).toEqual(['inner.bin']);
});

test('a file cut short anywhere is refused, never half read', () => {
  const whole = onnxFile(textGraph());
  // The opset stands last: a cut inside the graph must be seen at any byte.
  for (let length = 0; length < whole.length - 8; length += 7) {
    expect(() => readOnnxGraph(whole.subarray(0, length)), `cut at ${length}`).toThrow(OnnxFormatError);
  }
});

test.each([
  ['nothing', new Uint8Array()],
  ['JSON', new TextEncoder().encode('{"model": "this is not a protobuf"}')],
  ['zeros', new Uint8Array(64)],
])('%s is not a model', (_, bytes) => {
  expect(() => readOnnxGraph(bytes)).toThrow(/is not an ONNX model/);
});

test('an element type that no tensor of ours can have is refused by name', () => {
  const file = onnxFile(textGraph());
  // TypeProto.Tensor of input_ids: elem_type = 1 (tag 0x08), int64 = 7.
  const at = file.findIndex((_, k) => file[k] === 0x08 && file[k + 1] === 7 && file[k + 2] === 0x12);
  const changed = Uint8Array.from(file, (byte, k) => (k === at + 1 ? 99 : byte));
  expect(() => readOnnxGraph(changed)).toThrow('has "input_ids" of element type 99');
});

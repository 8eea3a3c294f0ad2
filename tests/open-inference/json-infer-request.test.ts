import { describe, expect, test } from 'vitest';
import { readInferRequest } from '../../src/open-inference/json-infer-request.ts';

const read = (json: unknown) => readInferRequest(Buffer.from(JSON.stringify(json)), null);
const input = (part: object) => ({ inputs: [{ name: 'x', datatype: 'INT8', shape: [2], data: [1, 2], ...part }] });

test('a whole request', () => {
  expect(read({ id: 'a', ...input({}), outputs: [{ name: 'y', parameters: { binary_data: true } }] })).toEqual({
    id: 'a',
    inputs: [{ name: 'x', dataType: 'int8', shape: [2], data: Int8Array.of(1, 2) }],
    outputs: [{ name: 'y', parameters: { binary_data: true } }],
    parameters: {},
  });
});

test('a scalar has no axes and one element', () => {
  expect(read(input({ shape: [], data: [7] })).inputs[0]).toMatchObject({ shape: [], data: Int8Array.of(7) });
});

test('texts that are marked as base64 are bytes', () => {
  const part = { datatype: 'BYTES', shape: [1], data: ['AP8='], parameters: { content_type: 'base64' } };
  expect(read(input(part)).inputs[0]?.data).toEqual([Buffer.from([0, 255])]);
});

describe('refuses', () => {
  test.each<[string, unknown, string]>([
    ['no object', [], 'The body must be a JSON object'],
    ['no inputs', {}, '"inputs" must be a list'],
    ['an input without a name', { inputs: [{}] }, 'Input 0 has no "name"'],
    ['an id that is no text', { id: 7, inputs: [] }, '"id" must be a text'],
    ['a number out of range', input({ data: [1, 128] }), '"x", element 1: not a value of INT8'],
    ['a fraction', input({ data: [1, 1.5] }), 'element 1: not a value of INT8'],
    ['a text among numbers', input({ data: [1, '2'] }), 'element 1'],
    ['a number for a BOOL', input({ datatype: 'BOOL', data: [true, 1] }), 'element 1: not a value of BOOL'],
    ['a number among BYTES', input({ datatype: 'BYTES', data: ['a', 1] }), 'element 1: BYTES in JSON are texts'],
    ['too few elements', input({ data: [1] }), '"x" has 1 elements, its shape [2] needs 2'],
    ['a list beside an element', input({ data: [1, [2]] }), '"x" has no list of elements'],
    ['data that is no list', input({ data: 7 }), '"x" has no list of elements'],
    ['no data', input({ data: undefined }), '"x" has no "data"'],
    ['data and binary data', input({ parameters: { binary_data_size: 2 } }), '"x" has both'],
    ['a size that is none', input({ data: undefined, parameters: { binary_data_size: '2' } }), '"x": binary_data_size'],
    ['a shape of texts', input({ shape: ['2'] }), '"x": the shape'],
    ['outputs that are no list', { ...input({}), outputs: 'y' }, '"outputs" must be a list'],
  ])('%s', (_, json, message) => {
    expect(() => read(json)).toThrow(message);
  });

  test('lists without end', () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    const body = `{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":${deep}}]}`;
    expect(() => readInferRequest(Buffer.from(body), null)).toThrow('"x" has no list of elements');
  });

  test('integers beyond 64 bits', () => {
    const body = '{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[9223372036854775808]}]}';
    expect(() => readInferRequest(Buffer.from(body), null)).toThrow('element 0: not a value of INT64');
  });
});

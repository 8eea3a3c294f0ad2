import { ServalError } from '../../errors.ts';
import type { NamedTensors } from '../../pipelines/tensor.ts';
import type { TensorInfo } from '../../tensor.ts';
import { rowOf, tensorJson, tensorOf } from './tensor-json.ts';
import type { Format, PredictBody } from './tensorflow-request.ts';

/**
 * The graph's inputs from a predict request: a value for the only input, or an object of values by name; in rows one of
 * them for each instance, which are stacked along a new first axis.
 * @throws ServalError SERVAL_INVALID_REQUEST, SERVAL_TENSOR_NAME, SERVAL_TENSOR_SHAPE, SERVAL_TENSOR_DATA
 */
export function readTensors({ instances, inputs }: PredictBody, infos: readonly TensorInfo[]): NamedTensors {
  const values = instances === undefined ? named(inputs, infos, '"inputs"') : stacked(instances, infos);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const info = infos.find((candidate) => candidate.name === name);
      if (info !== undefined) return [name, tensorOf(value, info)];
      const known = infos.map((candidate) => `"${candidate.name}"`).join(', ');
      throw new ServalError('SERVAL_TENSOR_NAME', `The graph has no input "${name.slice(0, 128)}"; it takes ${known}.`);
    }),
  );
}

function stacked(instances: readonly unknown[], infos: readonly TensorInfo[]): Record<string, unknown[]> {
  const columns = new Map<string, unknown[]>(infos.map(({ name }) => [name, []]));
  for (const [index, instance] of instances.entries()) {
    for (const [name, value] of Object.entries(named(instance, infos, `Instance ${index}`))) {
      const column = columns.get(name) ?? [];
      columns.set(name, column);
      column.push(value);
    }
  }
  for (const [name, column] of columns) {
    if (column.length === instances.length) continue;
    throw new ServalError(
      'SERVAL_TENSOR_NAME',
      `Input "${name.slice(0, 128)}" is in ${column.length} of ${instances.length} instances; every instance needs it.`,
    );
  }
  return Object.fromEntries(columns);
}

function named(value: unknown, infos: readonly TensorInfo[], where: string): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !('b64' in value);
  if (isObject) return value as Readonly<Record<string, unknown>>;
  const [only, ...others] = infos;
  if (only !== undefined && others.length === 0) return { [only.name]: value };
  const names = infos.map(({ name }) => `"${name}"`).join(', ');
  throw new ServalError('SERVAL_INVALID_REQUEST', `${where}: the graph has several inputs; name them: ${names}.`);
}

/**
 * The answer's JSON. One output stands without its name.
 * @throws ServalError SERVAL_INVALID_REQUEST where an output has no row for each instance.
 */
export function tensorsAnswer(outputs: NamedTensors, format: Format, rows: number): string {
  const entries = Object.entries(outputs);
  const [only, ...others] = entries;
  if (format === 'column') {
    const text = only !== undefined && others.length === 0 ? tensorJson(only[1]) : objectJson(outputs);
    return `{"outputs":${text}}`;
  }
  const strange = entries.find(([, { shape }]) => shape[0] !== rows);
  if (strange !== undefined) {
    throw new ServalError(
      'SERVAL_INVALID_REQUEST',
      `Output "${strange[0]}" has shape [${strange[1].shape.join(', ')}] for ${rows} instances; send columns ("inputs").`,
    );
  }
  const texts = Array.from({ length: rows }, (_, row) =>
    only !== undefined && others.length === 0
      ? tensorJson(rowOf(only[1], row))
      : objectJson(Object.fromEntries(entries.map(([name, tensor]) => [name, rowOf(tensor, row)]))),
  );
  return `{"predictions":[${texts.join(',')}]}`;
}

function objectJson(tensors: NamedTensors): string {
  return `{${Object.entries(tensors)
    .map(([name, tensor]) => `${JSON.stringify(name)}:${tensorJson(tensor)}`)
    .join(',')}}`;
}

import { ServalError } from '../errors.ts';
import { DATATYPE_NAMES, type Tensor } from '../tensor.ts';

/**
 * The classification extension: the largest `count` values of each row as texts "value:index" or "value:index:label".
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
 * @param labels of the last axis; null where the output has none.
 * @returns BYTES [rows, count]
 * @throws ServalError SERVAL_TENSOR_DATATYPE where the output holds no numbers.
 */
export function topClasses(
  name: string,
  { dataType, shape, data }: Tensor,
  count: number,
  labels: readonly string[] | null,
): Tensor {
  if (dataType === 'string' || dataType === 'bool' || dataType === 'float16' || Array.isArray(data)) {
    const message = `Output "${name}" is ${DATATYPE_NAMES[dataType]}; classification needs numbers.`;
    throw new ServalError('SERVAL_TENSOR_DATATYPE', message);
  }
  // An output of one axis is one number an item, as of a model with a single logit: each row has one class.
  const rows = shape[0] ?? 1;
  const width = rows === 0 ? 0 : data.length / rows;
  const kept = Math.min(count, width);
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const values = Array.from(data.subarray(row * width, (row + 1) * width) as ArrayLike<number | bigint>);
    const best = [...values.keys()].sort((a, b) => compare(values[b], values[a])).slice(0, kept);
    for (const index of best) {
      const label = labels?.[index];
      texts.push(`${numberText(values[index], dataType)}:${index}${label === undefined ? '' : `:${label}`}`);
    }
  }
  return { dataType: 'string', shape: [rows, kept], data: texts };
}

function compare(a: number | bigint = 0, b: number | bigint = 0): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The shortest decimal that reads back as the same float32. */
function numberText(value: number | bigint = 0, dataType: Tensor['dataType']): string {
  if (dataType !== 'float32' || typeof value === 'bigint') return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

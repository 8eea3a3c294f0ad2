import type { Random } from './random.ts';

/** What a value of a JSON document becomes: wrong types, extremes, and things that only look right. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  2 ** 53,
  -(2 ** 63),
  '',
  'x',
  '\u0000',
  '\ud800',
  '__proto__',
  'constructor',
  [],
  {},
  [[]],
  [null],
  { __proto__: null, toString: 1 },
  'a'.repeat(20_000),
  Array.from({ length: 2_000 }, () => 0),
];

/** A copy: what is put in may itself be changed. */
function strange(random: Random): unknown {
  return structuredClone(random.pick(STRANGE));
}

/** A copy of the document with one to three of its values or keys changed. */
export function mutateJson(document: unknown, random: Random): unknown {
  let mutated = structuredClone(document);
  for (let times = random.whole(1, 3); times > 0; times--) mutated = mutateOnce(mutated, random);
  return mutated;
}

function mutateOnce(value: unknown, random: Random): unknown {
  const isContainer = typeof value === 'object' && value !== null;
  if (!isContainer || random.next() < 0.1) return strange(random);
  const entries = Object.entries(value);
  if (entries.length === 0) return strange(random);
  const [key, inner] = random.pick(entries);
  const container = value as Record<string, unknown>;
  const kind = random.next();
  if (kind < 0.15 && Array.isArray(value)) value.splice(Number(key), 1);
  else if (kind < 0.15) delete container[key];
  else if (kind < 0.25 && Array.isArray(value)) value.push(structuredClone(inner));
  else if (kind < 0.25)
    container[random.pick(['x', 'name', 'data', 'parameters', '__proto__x'])] = structuredClone(inner);
  else container[key] = mutateOnce(inner, random);
  return value;
}

/** A copy of the bytes with one to four changes: flipped, cut, doubled, overwritten or put in. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let mutated = Buffer.from(bytes);
  for (let times = random.whole(1, 4); times > 0; times--) {
    const at = random.whole(0, Math.max(0, mutated.byteLength - 1));
    const to = Math.min(mutated.byteLength, at + random.whole(1, 16));
    const before = mutated.subarray(0, at);
    switch (random.whole(0, 4)) {
      case 0:
        if (mutated.byteLength > 0) mutated.writeUInt8((mutated[at] ?? 0) ^ (1 << random.whole(0, 7)), at);
        break;
      case 1:
        mutated = Buffer.from(before);
        break;
      case 2:
        mutated = Buffer.concat([before, mutated.subarray(at, to), mutated.subarray(at)]);
        break;
      case 3:
        mutated.fill(random.pick([0, 0x7f, 0x80, 0xff]), at, to);
        break;
      default:
        mutated = Buffer.concat([before, Buffer.from([random.whole(0, 255)]), mutated.subarray(at)]);
    }
  }
  return mutated;
}

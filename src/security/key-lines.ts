import { type ApiKey, apiKeySchema, digestOf } from './api-key.ts';

/** Lines that are no keys. The message names each line and field, and repeats nothing that stands there. */
export class KeyLinesError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.name = 'KeyLinesError';
  }
}

/** Where lines come from, and what they are. */
export interface KeyText {
  readonly source: string;
  readonly text: string;
}

/**
 * Reads API keys: a JSON object a line; lines that are empty or begin with # are passed over.
 * @throws KeyLinesError where a line is wrong, or two keys have the same name or digest.
 */
export function readKeyLines(texts: readonly KeyText[]): ApiKey[] {
  const problems: string[] = [];
  const keys = new Map<string, ApiKey>();
  const digests = new Set<string>();
  for (const { source, line, number } of texts.flatMap(linesOf)) {
    const parsed = readLine(line);
    if (!parsed.success) {
      problems.push(`${source}, line ${number}: ${parsed.problem}`);
      continue;
    }
    const { key } = parsed;
    const digest = key.digest.toString('hex');
    if (keys.has(key.name)) problems.push(`${source}, line ${number}: name "${key.name}" is taken by a line before`);
    if (digests.has(digest)) problems.push(`${source}, line ${number}: sha256 is that of a line before`);
    keys.set(key.name, key);
    digests.add(digest);
  }
  if (problems.length > 0) throw new KeyLinesError(problems);
  return [...keys.values()];
}

/**
 * The line that lets a key in.
 * @param fields those of a line, beside the digest; undefined ones are left out.
 * @throws KeyLinesError where they make no line that can be read.
 */
export function keyLine(
  key: string,
  { name, ...fields }: { readonly name: string; readonly [field: string]: unknown },
): string {
  const text = JSON.stringify({ name, sha256: digestOf(key).toString('hex'), ...fields });
  readKeyLines([{ source: 'key', text }]);
  return text;
}

function linesOf({ source, text }: KeyText) {
  return text
    .split('\n')
    .map((line, index) => ({ source, line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'));
}

type Line = { readonly success: true; readonly key: ApiKey } | { readonly success: false; readonly problem: string };

function readLine(line: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { success: false, problem: 'is not JSON' };
  }
  const parsed = apiKeySchema.safeParse(value);
  if (parsed.success) return { success: true, key: parsed.data };
  const issues = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')} ${message}`,
  );
  return { success: false, problem: issues.join(', ') };
}

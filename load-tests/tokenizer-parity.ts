import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '../src/pipelines/tokenizer.ts';
import { readVersionFolder } from '../src/repository/model-files.ts';
import { readSentences } from './sentences.ts';

/**
 * `node load-tests/tokenizer-parity.ts [python]`: the token ids of the whole test split, and of long texts made of it,
 * are those of the native `tokenizers` library, for each version of sentiment. Python must have that library.
 */

const ROOT = fileURLToPath(new URL('../models', import.meta.url));
const SCRIPT = fileURLToPath(new URL('tokenize.py', import.meta.url));
const [python = 'python3'] = process.argv.slice(2);
/** Sentences joined to one text that is over the models' limits. */
const LONG = 40;

const sentences = (await readSentences()).map(({ text }) => text);
const long = sentences.map((_, at) => sentences.slice(at, at + LONG).join(' ')).filter((_, at) => at % LONG === 0);
const texts = [...sentences, ...long];

let different = 0;
for (const version of [1, 2]) {
  const folder = path.join(ROOT, 'sentiment', String(version));
  const manifest = await readVersionFolder({ root: ROOT, folder, model: 'sentiment', version });
  if (manifest.task !== 'text-classification') throw new Error(`${folder} holds no text model`);
  const tokenizer = new Tokenizer(manifest.text);
  const wrong = nativeIds(folder).filter(
    (ids, at) => ids !== JSON.stringify([...tokenizer.encode(texts[at] ?? '').ids]),
  );
  console.log(`sentiment/${version}: ${texts.length - wrong.length} of ${texts.length} texts have the same tokens`);
  different += wrong.length;
}
process.exitCode = different === 0 ? 0 : 1;

/** Each text's ids as JSON without spaces. */
function nativeIds(folder: string): string[] {
  const input = texts.map((text) => JSON.stringify(text)).join('\n');
  const { status, stdout, stderr } = spawnSync(python, [SCRIPT, folder], {
    input,
    encoding: 'utf8',
    maxBuffer: 100_000_000,
  });
  if (status !== 0) throw new Error(`${python} ended with ${status}: ${stderr}`);
  const lines = stdout.trim().split('\n');
  if (lines.length !== texts.length) throw new Error(`${lines.length} lines for ${texts.length} texts`);
  return lines.map((line) => JSON.stringify(JSON.parse(line)));
}

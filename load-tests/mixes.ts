import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '../src/pipelines/tokenizer.ts';
import { readVersionFolder } from '../src/repository/model-files.ts';
import { Random } from './random.ts';
import { readSentences } from './sentences.ts';

/** Named sets of texts by their lengths in tokens, special tokens included; `real` is the test split in file order. */
export const MIXES = ['short', 'long', 'bimodal', 'real', 'uniform', 'equal-8'] as const;
export type Mix = (typeof MIXES)[number];

/** How long the next text is to be. */
const LENGTHS: Readonly<Record<Exclude<Mix, 'real'>, (random: Random) => number>> = {
  short: (random) => random.whole(6, 12),
  long: (random) => random.whole(96, 128),
  bimodal: (random) => (random.next() < 0.5 ? random.whole(6, 10) : random.whole(112, 128)),
  uniform: (random) => random.whole(4, 128),
  'equal-8': () => 8,
};

const TEXTS = 2_000;
const SEED = 5;
const FOLDER = fileURLToPath(new URL('../models/sentiment/2', import.meta.url));

/** The texts of a mix: no two are equal, so that nothing can be shared or cached. */
export async function readMix(mix: Mix): Promise<string[]> {
  const texts = [...new Set((await readSentences()).map(({ text }) => text))];
  if (mix === 'real') return texts;
  const manifest = await readVersionFolder({ root: path.dirname(FOLDER), folder: FOLDER, model: 'mix', version: 1 });
  if (manifest.task !== 'text-classification') throw new Error(`${FOLDER} takes no text`);
  const tokenizer = new Tokenizer(manifest.text);
  const words = texts.flatMap((text) => text.split(/\s+/)).filter((word) => /^[a-z]+$/.test(word));
  return textsOfLengths({
    words,
    count: TEXTS,
    length: LENGTHS[mix],
    countTokens: (text) => tokenizer.encode(text).uncutLength,
  });
}

export interface TextsOptions {
  /** Taken one after another. */
  readonly words: readonly string[];
  readonly count: number;
  readonly length: (random: Random) => number;
  readonly countTokens: (text: string) => number;
}

/** A word of one token, for where the next word would be too long. */
const FILLER = 'a';

export function textsOfLengths({ words, count, length, countTokens }: TextsOptions): string[] {
  const random = new Random(SEED);
  const texts = new Set<string>();
  const special = countTokens('');
  const tokensOf = new Map<string, number>();
  let next = 0;
  while (texts.size < count) {
    let missing = length(random) - special;
    const chosen: string[] = [];
    while (missing > 0) {
      const word = words[next++ % words.length] ?? FILLER;
      const tokens = tokensOf.get(word) ?? countTokens(word) - special;
      tokensOf.set(word, tokens);
      const fits = tokens <= missing;
      chosen.push(fits ? word : FILLER);
      missing -= fits ? tokens : 1;
    }
    texts.add(chosen.join(' '));
  }
  return [...texts];
}

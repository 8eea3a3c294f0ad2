import { readFile } from 'node:fs/promises';

/** One rated sentence of the sentiment test split. */
export interface Sentence {
  readonly id: string;
  readonly source: string;
  readonly text: string;
  readonly rating: number;
  readonly label: string;
}

/** The sentiment test split, in file order. */
export async function readSentences(): Promise<Sentence[]> {
  const file = new URL('../datasets/sentiment/test.jsonl', import.meta.url);
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Sentence);
}

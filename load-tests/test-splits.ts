import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { readSentences } from './sentences.ts';

export interface TestItem {
  readonly input: string | { readonly image: string };
  readonly label: string;
  /** Where the item comes from; the empty text where all come from one place. */
  readonly source: string;
}

/** A model and what it never saw in training. */
export interface Dataset {
  readonly model: string;
  readonly items: readonly TestItem[];
}

export const DATASETS = {
  sentiment: async (): Promise<Dataset> => ({
    model: 'sentiment',
    items: (await readSentences()).map(({ text, label, source }) => ({ input: text, label, source })),
  }),
  mnist: async (): Promise<Dataset> => ({ model: 'mnist', items: await readDigits() }),
} as const;

export function isDataset(name: string): name is keyof typeof DATASETS {
  return name in DATASETS;
}

/** test.png holds all digits side by side, test.json their labels. */
interface Sheet {
  readonly tile: number;
  readonly columns: number;
  readonly labels: readonly number[];
}

async function readDigits(): Promise<TestItem[]> {
  const folder = new URL('../datasets/mnist/', import.meta.url);
  const { tile, columns, labels } = JSON.parse(await readFile(new URL('test.json', folder), 'utf8')) as Sheet;
  const sheet = sharp(await readFile(new URL('test.png', folder))).toColourspace('b-w');
  return Promise.all(
    labels.map(async (label, at) => {
      const [left, top] = [(at % columns) * tile, Math.floor(at / columns) * tile];
      const png = await sheet.clone().extract({ left, top, width: tile, height: tile }).png().toBuffer();
      return { input: { image: png.toString('base64') }, label: String(label), source: '' };
    }),
  );
}

import { readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { sendImage } from './image-request.ts';

/** One golden photograph: the reference's answer and the server's. */
export interface ParityRow {
  readonly file: string;
  /** Width × height in pixels, upright. */
  readonly size: string;
  readonly reference: string;
  readonly served: string;
  /** Largest |served score − reference score| of all labels. */
  readonly largestMove: number;
}

interface GoldenFile {
  readonly samples: readonly { readonly input: { readonly image: string }; readonly scores: readonly number[] }[];
}

/**
 * Asks a server for each golden photograph of a model's folder.
 * @param url of the model's version.
 */
export async function measureParity(url: string, folder: string): Promise<ParityRow[]> {
  const { samples } = readJson<GoldenFile>(path.join(folder, 'golden.json'));
  const { id2label } = readJson<{ id2label: Record<string, string> }>(path.join(folder, 'config.json'));
  const rows: ParityRow[] = [];
  for (const { input, scores } of samples) {
    const bytes = readFileSync(path.join(folder, input.image));
    const { status, code, body } = await sendImage({ url, bytes, form: 'raw', topK: scores.length });
    const [prediction] = body.predictions ?? [];
    if (prediction === undefined) throw new Error(`${input.image} was answered with ${status} ${code}`);
    const served = new Map(prediction.scores.map(({ label, score }) => [label, score]));
    const moves = scores.map((score, id) => Math.abs(score - (served.get(id2label[id] ?? '') ?? Number.NaN)));
    const { autoOrient } = await sharp(bytes).metadata();
    rows.push({
      file: path.basename(input.image),
      size: `${autoOrient.width}×${autoOrient.height}`,
      reference: id2label[scores.indexOf(Math.max(...scores))] ?? '',
      served: prediction.label,
      largestMove: Math.max(...moves),
    });
  }
  return rows;
}

function readJson<Value>(file: string): Value {
  return JSON.parse(readFileSync(file, 'utf8')) as Value;
}

/** Five digits: golden.json has six, and on the sixth processors may differ. */
function shownMove(move: number): string {
  return move.toFixed(5);
}

const BEGIN = '<!-- parity -->';
const END = '<!-- /parity -->';

/** The card with the table between its marks. */
export function withParityTable(card: string, rows: readonly ParityRow[]): string {
  const begin = card.indexOf(BEGIN);
  const end = card.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the card has no ${BEGIN} … ${END}`);
  return `${card.slice(0, begin + BEGIN.length)}\n${parityTable(rows)}${card.slice(end)}`;
}

/** What stands between the card's marks. */
export function tableOf(card: string): string {
  return card.slice(card.indexOf(BEGIN) + BEGIN.length + 1, card.indexOf(END));
}

function parityTable(rows: readonly ParityRow[]): string {
  const same = rows.filter(({ reference, served }) => reference === served).length;
  const lines = rows.map(
    ({ file, size, reference, served, largestMove }) =>
      `| ${file} | ${size} | ${reference} | ${served} | ${shownMove(largestMove)} |`,
  );
  return [
    `Every golden file sent to a running server; the same first label on ${same} of ${rows.length}. Written by \`npm run parity\`,`,
    'checked by `tests/integration/image-parity.test.ts`.',
    '',
    '| file | size | reference top-1 | served top-1 | largest \\|Δ\\| of all scores |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

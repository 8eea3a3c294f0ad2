import { beforeAll, describe, expect, test } from 'vitest';
import { ImageClassification } from '../../src/pipelines/image-classification.ts';
import { readImageModel, writeImageModel } from '../fixtures/image-model.ts';
import { formatFile } from '../fixtures/pillow-images.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';

const OPTIONS = { topK: 5, functionToApply: null, truncate: true } as const;

let pipeline: ImageClassification;

beforeAll(async () => {
  const folder = await makeFolder();
  await writeImageModel(folder);
  pipeline = new ImageClassification(await readImageModel(folder));
  return () => removeFolder(folder);
});

function codeOf(bytes: Uint8Array): unknown {
  try {
    pipeline.encode({ kind: 'image', bytes });
    return 'none';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('encode', () => {
  test.for(['half-chroma.jpg', 'rgb.png', 'lossy.webp'])('hands %s on as it came', (file) => {
    const bytes = formatFile(file);
    expect(pipeline.encode({ kind: 'image', bytes }).item).toEqual({ kind: 'image', bytes });
  });

  test('an empty file is an empty input', () => {
    expect(codeOf(new Uint8Array())).toBe('SERVAL_EMPTY_INPUT');
  });

  test.for([
    ['text', 'Not a picture at all.'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'],
    ['GIF', 'GIF89a\x01\x00\x01\x00\x00\x00\x00;'],
    ['TIFF', 'II*\x00\x08\x00\x00\x00'],
    ['HEIF', '\x00\x00\x00\x18ftypheic\x00\x00\x00\x00'],
    ['PDF', '%PDF-1.7\n'],
    ['BMP', 'BM\x3a\x00\x00\x00'],
    ['JPEG 2000', '\x00\x00\x00\x0cjP  \r\n\x87\n'],
    ['a WAVE file, which begins as WebP does', 'RIFF\x24\x00\x00\x00WAVEfmt '],
    ['half of PNG’s signature', '\x89PNG'],
  ] as const)('%s is not a served format', ([, content]) => {
    expect(codeOf(Buffer.from(content, 'latin1'))).toBe('SERVAL_IMAGE_FORMAT');
  });

  test('a text is a bug of the caller', () => {
    expect(() => pipeline.encode({ kind: 'text', text: 'good' })).toThrow('This is a bug');
  });
});

test('decode ranks the labels by their scores', () => {
  const output = { logits: { dataType: 'float32', shape: [3], data: Float32Array.of(0, 2, 1) } } as const;
  const { label, scores } = pipeline.decode(output, OPTIONS);
  expect(label).toBe('green');
  expect(scores.map((score) => score.label)).toEqual(['green', 'blue', 'red']);
});

test('decode keeps the best labels, of equal ones the first', () => {
  const labels = Array.from({ length: 40 }, (_, id) => `label ${id}`);
  const many = new ImageClassification({
    ...pipeline.manifest,
    classification: { ...pipeline.manifest.classification, labels },
  });
  // Values from 0 to 6, each many times.
  const data = Float32Array.from(labels, (_, id) => (id * 5 + 6) % 7);
  const output = { logits: { dataType: 'float32', shape: [40], data } } as const;
  const ranking = (topK: number) => many.decode(output, { ...OPTIONS, topK }).scores.map(({ label }) => label);
  const all = [...labels.keys()].sort((a, b) => (data[b] ?? 0) - (data[a] ?? 0) || a - b).map((id) => `label ${id}`);
  for (const topK of [1, 2, 5, 7, 39, 40, 1000]) expect(ranking(topK)).toEqual(all.slice(0, topK));
});

test('the probes are images that the pipeline takes', () => {
  for (const probe of pipeline.probes) expect(pipeline.encode(probe).item.kind).toBe('image');
  expect(pipeline.probes.length).toBeGreaterThan(2);
});

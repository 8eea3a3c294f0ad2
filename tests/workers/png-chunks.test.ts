import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ImageProcessor } from '../../src/workers/image-processor.ts';
import { withoutText } from '../../src/workers/png-chunks.ts';
import { plainInput } from '../fixtures/image-input.ts';
import { formatFile } from '../fixtures/pillow-images.ts';
import { pngChunk, pngFile } from '../fixtures/png-file.ts';

const size = { width: 3, height: 2 };
const PLAIN = pngFile(size);

describe('a PNG without its texts', () => {
  test.for(['tEXt', 'zTXt', 'iTXt', 'iCCP'])('has no %s, and everything else', (type) => {
    const chunk = pngChunk(type, Buffer.from('Comment\0x'));
    const after = Buffer.concat([PLAIN.subarray(0, -12), chunk, PLAIN.subarray(-12)]);
    expect(Buffer.compare(withoutText(pngFile({ ...size, chunks: [chunk, chunk] })), PLAIN)).toBe(0);
    expect(Buffer.compare(withoutText(after), PLAIN)).toBe(0);
  });

  test('keeps the transparent colour and the orientation', () => {
    const chunks = [pngChunk('tRNS', Buffer.alloc(6)), pngChunk('eXIf', Buffer.from('MM'))];
    const file = pngFile({ ...size, chunks });
    expect(withoutText(file)).toBe(file);
  });

  test('is any other file as it is', () => {
    const jpeg = formatFile('half-chroma.jpg');
    expect(withoutText(jpeg)).toBe(jpeg);
    const empty = new Uint8Array();
    expect(withoutText(empty)).toBe(empty);
  });

  test('that is cut short inside a text ends there', () => {
    const file = pngFile({ ...size, chunks: [pngChunk('zTXt', Buffer.alloc(100))] });
    const before = PLAIN.indexOf('IDAT') - 4;
    expect(Buffer.compare(withoutText(file.subarray(0, before + 50)), PLAIN.subarray(0, before))).toBe(0);
  });
});

test('texts that unpack to gigabytes are never unpacked', async () => {
  const zeros = deflateSync(Buffer.alloc(40_000_000));
  const text = (_: unknown, at: number) => pngChunk('zTXt', Buffer.concat([Buffer.from(`key ${at}\0\0`), zeros]));
  const file = pngFile({ ...size, chunks: Array.from({ length: 60 }, text) });
  const begun = performance.now();
  expect((await new ImageProcessor(plainInput(size), 1e6).prepare(file)).pixels).toBe(6);
  // Unpacking takes some 20 s.
  expect(performance.now() - begun).toBeLessThan(2_000);
});

import { describe, expect, test } from 'vitest';
import { decodeImageText } from '../../src/pipelines/image-text.ts';

const BYTES = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x00]);

function codeOf(text: string): unknown {
  try {
    decodeImageText(text);
    return 'none';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('an image as text', () => {
  test.for([
    ['base64', BYTES.toString('base64')],
    ['base64 without padding', BYTES.toString('base64').replaceAll('=', '')],
    ['base64 of the URL alphabet', BYTES.toString('base64url')],
    ['a data: URL', `data:image/jpeg;base64,${BYTES.toString('base64')}`],
    ['a data: URL with parameters', `data:image/jpeg;name=a.jpg;base64,${BYTES.toString('base64')}`],
    ['a data: URL in capitals', `DATA:image/jpeg;BASE64,${BYTES.toString('base64')}`],
  ] as const)('may be %s', ([, text]) => {
    expect(decodeImageText(text)).toEqual(BYTES);
  });

  test.for([
    'http://127.0.0.1/a.jpg',
    'https://example.org/a.jpg',
    'HTTP://example.org',
    'file:///etc/passwd',
    'ftp://x',
    'blob:null/1',
  ])('%s is an address, and is not fetched', (text) => {
    expect(codeOf(text)).toBe('SERVAL_IMAGE_URL');
  });

  test.for([
    ['a word with a space', 'not base64'],
    ['line breaks', '/9j/\n4AA='],
    ['one digit too many', '/9j/4'],
    ['padding in the middle', '/9==j/4A'],
    ['a data: URL of percent codes', 'data:image/jpeg,%FF%D8'],
    ['a data: URL without a comma', 'data:image/jpeg;base64'],
    ['a path', '../images/a.jpg'],
  ] as const)('%s is not base64', ([, text]) => {
    expect(codeOf(text)).toBe('SERVAL_IMAGE_BASE64');
  });

  test('the empty text has no bytes', () => {
    expect(decodeImageText('')).toHaveLength(0);
  });

  test('20 MB of letters are taken for base64, not searched for the end of a scheme', () => {
    expect(decodeImageText('A'.repeat(26_666_668))).toHaveLength(20_000_001);
  });
});

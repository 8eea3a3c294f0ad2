import { describe, expect, test } from 'vitest';
import type { Field } from '../../src/http2/field-table.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';
import { headerBlock, NO_TABLE } from '../../src/http2/hpack-encoder.ts';
import { readHuffman } from '../../src/http2/huffman.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const pairs = (fields: readonly Field[] | null) => fields?.map(({ name, value }) => `${name}: ${value}`);
const decoded = (...blocks: string[]) => {
  const decoder = new HpackDecoder(16_384);
  return blocks.map((block) => pairs(decoder.decode(hex(block))));
};

const REQUESTS = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];

describe('the examples of RFC 7541', () => {
  test('C.2: each kind of field', () => {
    expect(decoded('400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572')).toEqual([
      ['custom-key: custom-header'],
    ]);
    expect(decoded('040c 2f73 616d 706c 652f 7061 7468')).toEqual([[':path: /sample/path']]);
    expect(decoded('1008 7061 7373 776f 7264 0673 6563 7265 74')).toEqual([['password: secret']]);
    expect(decoded('82')).toEqual([[':method: GET']]);
  });

  test('C.3: requests that refer to those before them', () => {
    const blocks = [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ];
    expect(decoded(...blocks)).toEqual(REQUESTS);
  });

  test('C.4: the same in Huffman’s code', () => {
    const blocks = [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ];
    expect(decoded(...blocks)).toEqual(REQUESTS);
  });

  test('C.6: a table of 256 bytes, which forgets the oldest', () => {
    const blocks = [
      // Its size, which the example takes from the settings: 256.
      '3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ];
    expect(decoded(...blocks)).toEqual([
      [
        ':status: 302',
        'cache-control: private',
        'date: Mon, 21 Oct 2013 20:13:21 GMT',
        'location: https://www.example.com',
      ],
      [
        ':status: 307',
        'cache-control: private',
        'date: Mon, 21 Oct 2013 20:13:21 GMT',
        'location: https://www.example.com',
      ],
      [
        ':status: 200',
        'cache-control: private',
        'date: Mon, 21 Oct 2013 20:13:22 GMT',
        'location: https://www.example.com',
        'content-encoding: gzip',
        'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
      ],
    ]);
  });
});

describe('what is no header block', () => {
  test.each([
    ['a field 0', '80'],
    ['a field that is not there', 'be'],
    ['a name that is not there', '7f 20 01 61'],
    ['a number without an end', 'ff ff ff ff'],
    ['a number that is too large', 'ff ff ff ff ff ff 7f'],
    ['a text that is longer than the block', '00 05 61 62'],
    ['a name without a value', '00 01 61'],
    ['a table that is larger than allowed', '3f e2 1f'],
    ['a table that changes after a field', '82 20'],
    ['Huffman’s end', '00 01 61 84 ff ff ff ff'],
    ['Huffman’s padding of eight bits', '00 01 61 82 1f ff'],
    ['Huffman’s padding of zeros', '00 01 61 81 18'],
  ])('%s', (_, block) => {
    expect(() => decoded(block)).toThrow(expect.objectContaining({ name: 'Http2Error', code: 9 }));
  });
});

test.each([
  ['07', '0'],
  ['1f', 'a'],
  ['53', ' '],
  ['f8', '&'],
  ['fe3f', '!'],
  ['ffc7', '\0'],
  ['fffffff3', '\n'],
  ['fffffffb', '\u0016'],
])('Huffman’s code %s, with its padding, is %j', (code, character) => {
  expect(readHuffman(hex(code))).toBe(character);
});

test('a list that is too long is none, and its table is kept all the same', () => {
  const decoder = new HpackDecoder(100);
  expect(decoder.decode(hex(`400161 0162 40 0163 7f09 ${'64'.repeat(136)}`))).toBeNull();
  expect(pairs(decoder.decode(hex('bf')))).toEqual(['a: b']);
});

test('names and values that HTTP does not allow are marked', () => {
  const isValid = (block: string) => new HpackDecoder(16_384).decode(hex(block))?.[0]?.isValid;
  expect(isValid('00 01 61 01 62')).toBe(true);
  for (const wrong of [
    '00 01 41 01 62',
    '00 00 01 62',
    '00 02 61 20 01 62',
    '00 01 61 01 0a',
    '00 01 61 02 20 62',
    '00 01 61 02 62 20',
    '00 01 61 01 00',
  ]) {
    expect(isValid(wrong), wrong).toBe(false);
  }
});

test('a block that stands for itself is read as it was written, any number of times', () => {
  const fields = [
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-message', 'x'.repeat(5_000)],
    ['retry-after', '3'],
  ] as const;
  const decoder = new HpackDecoder(16_384);
  const block = headerBlock(fields);
  const expected = fields.map(([name, value]) => `${name}: ${value}`);
  expect(pairs(decoder.decode(Buffer.concat([NO_TABLE, block])))).toEqual(expected);
  expect(pairs(decoder.decode(block))).toEqual(expected);
});

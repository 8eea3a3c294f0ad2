import { expect, test } from 'vitest';
import { type CpuProfile, timeByPart } from '../../load-tests/cpu-profile.ts';

const frame = (functionName: string, url: string) => ({ functionName, url });

/** root → serve.js → write (native), and root → idle. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', ''), children: [2, 4] },
    { id: 2, callFrame: frame('answer', 'file:///serve.js'), children: [3] },
    { id: 3, callFrame: frame('write', '') },
    { id: 4, callFrame: frame('(idle)', '') },
  ],
  samples: [2, 4, 3, 2],
  timeDeltas: [1_000, 2_000, 4_000, 8_000],
};

test('a native function counts for the part that called it, and what was before is left out', () => {
  const partOf = ({ url, functionName }: { url: string; functionName: string }) =>
    url.includes('serve') ? 'serve' : functionName === '(idle)' ? 'idle' : null;
  expect(timeByPart(PROFILE, partOf, 0)).toEqual(
    new Map([
      ['serve', 13],
      ['idle', 2],
    ]),
  );
  expect(timeByPart(PROFILE, partOf, 4)).toEqual(new Map([['serve', 12]]));
});

test('what no part stands for is other', () => {
  expect(timeByPart(PROFILE, () => null, 0)).toEqual(new Map([['other', 15]]));
});

import { describe, expect, test } from 'vitest';
import { nearest } from '../../src/workers/nearest.ts';
import { noise, resizeCases } from '../fixtures/pillow-images.ts';

describe('nearest neighbour gives Pillow’s bytes', () => {
  const cases = resizeCases().filter(({ resample }) => resample === 0);

  test('there are cases', () => {
    expect(cases.length).toBeGreaterThan(10);
  });

  test.for(cases)('$source → $size, crop $crop', ({ source, size, crop, expected }) => {
    const [left, top, width, height] = crop;
    const whole = { width: size[0], height: size[1] };
    expect(Buffer.compare(nearest(noise(...source), { ...whole, crop: { left, top, width, height } }), expected)).toBe(
      0,
    );
  });

  test('at the same size it copies', () => {
    const picture = noise(9, 4);
    const whole = { width: 9, height: 4 };
    expect(nearest(picture, { ...whole, crop: { left: 0, top: 0, ...whole } })).toEqual(picture.data);
  });
});

import { describe, expect, test } from 'vitest';
import { cmykToRgb, flattenOnWhite, greyToRgb, rgbToGrey } from '../../src/workers/pixels.ts';

describe('pixels', () => {
  test('grey becomes three equal channels', () => {
    expect([...greyToRgb(Uint8Array.of(0, 7, 255))]).toEqual([0, 0, 0, 7, 7, 7, 255, 255, 255]);
  });

  test('luma weighs green most, as Pillow’s 16-bit weights do', () => {
    const primaries = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255);
    expect([...rgbToGrey(primaries)]).toEqual([76, 76, 76, 150, 150, 150, 29, 29, 29, 255, 255, 255]);
  });

  test('what is transparent becomes white, what is opaque stays', () => {
    expect([...flattenOnWhite(Uint8Array.of(10, 20, 30, 0, 10, 20, 30, 255), 4)]).toEqual([255, 255, 255, 10, 20, 30]);
  });

  test('half-transparent black becomes grey, from grey with alpha too', () => {
    expect([...flattenOnWhite(Uint8Array.of(0, 128), 2)]).toEqual([127, 127, 127]);
  });

  test('CMYK: no ink is white, black ink is black, cyan takes the red', () => {
    const inks = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0);
    expect([...cmykToRgb(inks, 4)]).toEqual([255, 255, 255, 0, 0, 0, 0, 255, 255]);
  });

  test('a fifth channel beside CMYK is passed over', () => {
    expect([...cmykToRgb(Uint8Array.of(0, 0, 0, 0, 99, 0, 0, 0, 255, 99), 5)]).toEqual([255, 255, 255, 0, 0, 0]);
  });
});

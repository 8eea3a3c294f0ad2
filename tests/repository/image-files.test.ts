import { describe, expect, test } from 'vitest';
import type { ImageInput } from '../../src/repository/manifest.ts';
import { type ImageGraphOptions, PREPROCESSOR, readImageModel, writeImageModel } from '../fixtures/image-model.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const EXACT = { size: { height: 12, width: 12 } };

async function read(preprocessor: object, graph: ImageGraphOptions = {}, labels?: readonly string[]) {
  const folder = await temporaryFolder();
  await writeImageModel(folder, { preprocessor, graph, ...(labels === undefined ? {} : { labels }) });
  return (await readImageModel(folder)).image;
}

async function geometry(preprocessor: object, graph: ImageGraphOptions = { side: null }) {
  const { resize, height, width } = await read(preprocessor, graph);
  return { resize, height, width };
}

describe('size and crop', () => {
  test('shortest_edge with a crop', async () => {
    expect(await geometry(PREPROCESSOR)).toEqual({
      resize: { kind: 'shortest_edge', edge: 16 },
      height: 12,
      width: 12,
    });
  });

  test('height and width without a crop', async () => {
    const size = { height: 10, width: 20 };
    expect(await geometry({ size })).toEqual({ resize: { kind: 'exact', ...size }, ...size });
  });

  test('one number is both sides, as older files have it', async () => {
    const square = { height: 12, width: 12 };
    expect(await geometry({ size: 12 })).toEqual({ resize: { kind: 'exact', ...square }, ...square });
  });

  test('a crop after an exact resize is the tensor’s size', async () => {
    expect(await geometry({ size: 20, crop_size: 12 })).toMatchObject({ resize: { width: 20 }, height: 12, width: 12 });
  });

  test('do_center_crop false leaves the crop out', async () => {
    expect(await geometry({ size: 20, crop_size: 12, do_center_crop: false })).toMatchObject({ height: 20, width: 20 });
  });

  test('do_resize false leaves the resize out', async () => {
    expect(await geometry({ size: 20, crop_size: 12, do_resize: false })).toEqual({
      resize: null,
      height: 12,
      width: 12,
    });
  });

  test('crop_pct resizes to size / crop_pct below 384, and squeezes from there on, as ConvNeXT does', async () => {
    const small = await geometry({ size: { shortest_edge: 224 }, crop_pct: 0.875 });
    expect(small).toEqual({ resize: { kind: 'shortest_edge', edge: 256 }, height: 224, width: 224 });
    const large = await geometry({ size: { shortest_edge: 384 }, crop_pct: 0.875 });
    expect(large).toMatchObject({ resize: { kind: 'exact', width: 384 }, height: 384 });
  });
});

describe('values', () => {
  const values = async (config: object): Promise<Pick<ImageInput, 'rescaleFactor' | 'mean' | 'std'>> => {
    const { rescaleFactor, mean, std } = await read({ ...EXACT, ...config });
    return { rescaleFactor, mean, std };
  };

  test('are divided by 255 where nothing is said', async () => {
    expect(await values({})).toEqual({ rescaleFactor: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] });
  });

  test('are normalised by the file’s mean and std', async () => {
    const config = { image_mean: [0.1, 0.2, 0.3], image_std: [0.4, 0.5, 0.6] };
    expect(await values(config)).toMatchObject({ mean: config.image_mean, std: config.image_std });
  });

  test('one number is for all channels', async () => {
    expect(await values({ image_mean: 0.5, image_std: 0.25 })).toMatchObject({
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
    });
  });

  test('stay bytes where rescaling and normalising are off', async () => {
    const config = { do_rescale: false, do_normalize: false, image_mean: [1, 1, 1], image_std: [2, 2, 2] };
    expect(await values(config)).toEqual({ rescaleFactor: 1, mean: [0, 0, 0], std: [1, 1, 1] });
  });

  test('resample is bilinear where nothing is said, as in most of Hugging Face’s processors', async () => {
    expect((await read(EXACT)).resample).toBe(2);
    expect((await read({ ...EXACT, resample: 0 })).resample).toBe(0);
  });
});

describe('the graph’s input', () => {
  test('with the channels second is NCHW', async () => {
    expect(await read(EXACT)).toMatchObject({ inputName: 'pixel_values', layout: 'nchw', channels: 3 });
  });

  test('with the channels last is NHWC', async () => {
    expect(await read(EXACT, { layout: 'nhwc' })).toMatchObject({ layout: 'nhwc', channels: 3 });
  });

  test('of one channel takes grey', async () => {
    expect(await read(EXACT, { channels: 1 }, ['dark'])).toMatchObject({ channels: 1, mean: [0], std: [1] });
  });
});

describe('a file that contradicts itself or the graph is told by file and field', () => {
  test.for([
    [{ size: 13 }, {}, 'height: comes to 13, the graph’s input "pixel_values" takes 12'],
    [{ size: { shortest_edge: 12 } }, {}, 'crop_size: is needed with shortest_edge'],
    [{ size: { longest_edge: 12 } }, {}, 'size: must be a number, {shortest_edge} or {height, width}'],
    [{ do_resize: true }, {}, 'size: is missing'],
    [{ do_resize: false }, {}, 'crop_size: without resize and crop the size is not known'],
    [{ ...EXACT, do_center_crop: true }, {}, 'crop_size: is missing, and do_center_crop is true'],
    [{ ...EXACT, resample: 6 }, {}, 'resample: must be a resampling code of Pillow'],
    [{ ...EXACT, image_mean: [0.5, 0.5] }, {}, 'image_mean: has 2 numbers for 3 channels'],
    [{ ...EXACT, image_mean: [0, 0, 0], image_std: [1, 0, 1] }, {}, 'image_std: must not hold 0'],
    [{ ...EXACT, num_channels: 1 }, {}, 'channels: comes to 1, the graph’s input "pixel_values" takes 3'],
    [{ ...EXACT, num_channels: 4 }, {}, 'num_channels: must be 1 or 3'],
    [{ size: { height: 100_000, width: 1 } }, { side: null }, 'size'],
  ] as const)('%j', async ([preprocessor, graph, problem]) => {
    await expect(read(preprocessor, graph)).rejects.toThrow(`preprocessor_config.json: ${problem}`);
  });
});

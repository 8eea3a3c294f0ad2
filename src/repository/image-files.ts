import { z } from 'zod';
import type { TensorInfo } from '../tensor.ts';
import type { ImageInput, ImageResize } from './manifest.ts';
import type { OnnxGraph } from './onnx-graph.ts';
import type { Problems } from './problems.ts';
import type { VersionFolder } from './version-folder.ts';

const side = z.int().positive().max(8_192);
const box = z.looseObject({ height: side, width: side });

/**
 * The parts of preprocessor_config.json that Serval acts on, with Hugging Face's defaults; other keys are ignored.
 * Format: https://huggingface.co/docs/transformers/main_classes/image_processor
 */
const preprocessorSchema = z.looseObject({
  do_resize: z.boolean().optional(),
  size: z
    .union([side, z.looseObject({ shortest_edge: side }), box], 'must be a number, {shortest_edge} or {height, width}')
    .optional(),
  resample: z.int().min(0).max(5, 'must be a resampling code of Pillow, 0 to 5').optional(),
  crop_pct: z.number().positive().max(1).nullish(),
  do_center_crop: z.boolean().optional(),
  crop_size: z.union([side, box], 'must be a number or {height, width}').optional(),
  do_rescale: z.boolean().optional(),
  rescale_factor: z.number().positive().optional(),
  do_normalize: z.boolean().optional(),
  image_mean: z.union([z.number(), z.array(z.number())]).nullish(),
  image_std: z.union([z.number(), z.array(z.number())]).nullish(),
  do_convert_rgb: z.boolean().nullish(),
  num_channels: z.union([z.literal(1), z.literal(3)], 'must be 1 or 3').optional(),
});
type Preprocessor = z.output<typeof preprocessorSchema>;

export const PREPROCESSOR_FILE = 'preprocessor_config.json';

const BILINEAR = 2;
/** ConvNeXT's rule: below this size the picture is resized to size / crop_pct and cropped, from it on it is squeezed. */
const CROP_PCT_BELOW = 384;

interface Sources {
  readonly graph: OnnxGraph;
  /** As the folder names it, for messages. */
  readonly modelFile: string;
  readonly problems: Problems;
}

/** preprocessor_config.json and the graph's picture input; null (and problems) where they do not make an image model. */
export async function readImageInput(folder: VersionFolder, sources: Sources): Promise<ImageInput | null> {
  const config = await folder.readJson(PREPROCESSOR_FILE, preprocessorSchema);
  const tensor = findInput(sources);
  if (config === null || tensor === null) return null;
  const channels = config.num_channels ?? (tensor.channels === 1 ? 1 : 3);
  const geometry = readGeometry(config, sources.problems);
  const { height, width } = geometry.out ?? {};
  checkAgainstGraph({ channels, height, width }, tensor, sources.problems);
  const mean = perChannel({ config, field: 'image_mean', fallback: 0 }, channels, sources.problems);
  const std = perChannel({ config, field: 'image_std', fallback: 1 }, channels, sources.problems);
  if (height === undefined || width === undefined) return null;
  return {
    inputName: tensor.name,
    layout: tensor.layout,
    channels,
    height,
    width,
    resize: geometry.resize,
    resample: config.resample ?? BILINEAR,
    rescaleFactor: (config.do_rescale ?? true) ? (config.rescale_factor ?? 1 / 255) : 1,
    mean,
    std,
  };
}

interface PictureTensor {
  readonly name: string;
  readonly layout: 'nchw' | 'nhwc';
  readonly channels: number | null;
  readonly height: number | null;
  readonly width: number | null;
}

/** The graph's only input: float32, four axes; which of them is the channel says which layout it is. */
function findInput({ graph, modelFile, problems }: Sources): PictureTensor | null {
  const [input, ...others] = graph.inputs;
  if (input === undefined || others.length > 0 || input.dataType !== 'float32' || input.shape.length !== 4) {
    const inputs = graph.inputs.map(({ name, dataType, shape }) => `${name} ${dataType}[${shape.join(', ')}]`);
    problems.add(
      modelFile,
      '',
      `an image model takes one float32 input of four axes, not ${inputs.join(' and ') || 'none'}`,
    );
    return null;
  }
  const isChannels = (axis: TensorInfo['shape'][number] | undefined) => axis === 1 || axis === 3;
  const [, second, third, fourth] = input.shape;
  const layout = !isChannels(second) && isChannels(fourth) ? 'nhwc' : 'nchw';
  const [channels, height, width] = layout === 'nchw' ? [second, third, fourth] : [fourth, second, third];
  return { name: input.name, layout, channels: fixed(channels), height: fixed(height), width: fixed(width) };
}

function fixed(axis: number | string | null | undefined): number | null {
  return typeof axis === 'number' ? axis : null;
}

interface Geometry {
  readonly resize: ImageResize | null;
  /** Size of the tensor; null (and a problem) where the file does not say it. */
  readonly out: { readonly height: number; readonly width: number } | null;
}

function readGeometry(config: Preprocessor, problems: Problems): Geometry {
  const size = config.size;
  const crops = config.do_center_crop ?? config.crop_size !== undefined;
  const crop = crops && config.crop_size !== undefined ? toBox(config.crop_size) : null;
  if (crops && crop === null) problems.add(PREPROCESSOR_FILE, 'crop_size', 'is missing, and do_center_crop is true');
  if (!(config.do_resize ?? size !== undefined)) {
    if (crop === null) problems.add(PREPROCESSOR_FILE, 'crop_size', 'without resize and crop the size is not known');
    return { resize: null, out: crop };
  }
  if (size === undefined) {
    problems.add(PREPROCESSOR_FILE, 'size', 'is missing, and do_resize is true');
    return { resize: null, out: null };
  }
  if (typeof size === 'object' && 'shortest_edge' in size) {
    const edge = Number(size.shortest_edge);
    if (config.crop_pct != null) return withCropPct(edge, config.crop_pct);
    if (crop === null)
      problems.add(PREPROCESSOR_FILE, 'crop_size', 'is needed with shortest_edge: pictures have many shapes');
    return { resize: { kind: 'shortest_edge', edge }, out: crop };
  }
  const exact = toBox(size);
  return { resize: { kind: 'exact', ...exact }, out: crop ?? exact };
}

function withCropPct(edge: number, cropPct: number): Geometry {
  const out = { height: edge, width: edge };
  if (edge >= CROP_PCT_BELOW) return { resize: { kind: 'exact', ...out }, out };
  return { resize: { kind: 'shortest_edge', edge: Math.trunc(edge / cropPct) }, out };
}

function toBox(size: number | { height?: unknown; width?: unknown }): { height: number; width: number } {
  if (typeof size === 'number') return { height: size, width: size };
  return { height: Number(size.height), width: Number(size.width) };
}

function checkAgainstGraph(
  config: { channels: number; height: number | undefined; width: number | undefined },
  tensor: PictureTensor,
  problems: Problems,
): void {
  for (const axis of ['channels', 'height', 'width'] as const) {
    const wanted = tensor[axis];
    const given = config[axis];
    if (wanted === null || given === undefined || wanted === given) continue;
    problems.add(PREPROCESSOR_FILE, axis, `comes to ${given}, the graph’s input "${tensor.name}" takes ${wanted}`);
  }
}

interface ChannelField {
  readonly config: Preprocessor;
  readonly field: 'image_mean' | 'image_std';
  readonly fallback: number;
}

function perChannel({ config, field, fallback }: ChannelField, channels: number, problems: Problems): number[] {
  const value = config[field];
  if (!(config.do_normalize ?? config.image_mean != null) || value == null)
    return new Array<number>(channels).fill(fallback);
  const values = [value].flat();
  const list = values.length === 1 ? new Array<number>(channels).fill(values[0] ?? fallback) : values;
  if (list.length !== channels)
    problems.add(PREPROCESSOR_FILE, field, `has ${list.length} numbers for ${channels} channels`);
  if (field === 'image_std' && list.includes(0)) problems.add(PREPROCESSOR_FILE, field, 'must not hold 0');
  return list;
}

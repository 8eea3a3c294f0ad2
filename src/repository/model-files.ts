import { createHash } from 'node:crypto';
import path from 'node:path';
import { messageOf } from '../errors.ts';
import { readClassification } from './classification-files.ts';
import { needsCpuKernels } from './cpu-kernels.ts';
import { type ModelConfig, modelConfigSchema } from './hugging-face-files.ts';
import { PREPROCESSOR_FILE, readImageInput } from './image-files.ts';
import type { Golden, Manifest, Provenance, TensorManifest } from './manifest.ts';
import type { OnnxGraph } from './onnx-graph.ts';
import { OnnxFormatError, readOnnxGraph } from './onnx-graph.ts';
import { FolderError, Problems } from './problems.ts';
import { type GoldenFile, goldenFileSchema, type ServalFile, servalFileSchema } from './serval-files.ts';
import { SlicedHash, sha256Of } from './sliced-hash.ts';
import type { SnapshotFile, Snapshots } from './snapshots.ts';
import { readTextInput } from './text-files.ts';
import { VersionFolder } from './version-folder.ts';

/** Where exporters put the graph, in the order of preference: plain, then as Optimum and transformers.js lay it out. */
const MODEL_FILES = ['model.onnx', 'onnx/model.onnx', 'model_quantized.onnx', 'onnx/model_quantized.onnx'];

export interface VersionLocation {
  /** Absolute models folder: no link may leave it. */
  readonly root: string;
  /** Absolute folder of the version. */
  readonly folder: string;
  readonly model: string;
  readonly version: number;
}

/**
 * Reads a version's folder: Hugging Face's files, serval.json and golden.json where there are any, and the graph's
 * inputs and outputs.
 * @param snapshots where the model's bytes are kept for the workers; without it, they load the files of the folder.
 * @throws FolderError with every problem of the folder.
 */
export async function readVersionFolder(location: VersionLocation, snapshots?: Snapshots): Promise<Manifest> {
  const problems = new Problems();
  const folder = new VersionFolder(location.root, location.folder, problems);
  const source = { location, folder, snapshots };
  const config: ModelConfig = (await folder.readJson('config.json', modelConfigSchema)) ?? {};
  const serval: ServalFile = (await folder.readJson('serval.json', servalFileSchema)) ?? {};
  const goldenFile = await folder.readJson('golden.json', goldenFileSchema);
  const model = await readModel(folder, serval, problems);
  if (model === null) {
    problems.throwIfFound();
    throw new Error('This is a bug: a model file is missing without a problem');
  }
  if (await isBareGraph(folder, serval)) return tensorManifest({ source, model, serval, goldenFile, problems });
  const classification = readClassification({ config, serval, graph: model.graph, modelFile: model.name, problems });
  const sources = { config, graph: model.graph, modelFile: model.name, problems };
  const isImage = await isImageModel(folder, serval);
  const image = isImage ? await readImageInput(folder, sources) : null;
  const text = isImage ? null : await readTextInput(folder, sources);
  const golden = goldenFile === null ? null : await readGolden(goldenFile, { serval, folder, problems });
  if (golden !== null && classification !== null) checkScores(golden, classification.labels.length, problems);
  const isBatched = hasDynamicBatch(model, problems);
  problems.throwIfFound();
  if (classification === null) throw new Error('This is a bug: a part is missing without a problem');
  const common = {
    ...(await commonParts(source, model)),
    batching: isBatched ? (serval.batching ?? 'auto') : 'off',
    executionProvider: serval.execution_provider ?? 'auto',
    golden,
    classification,
  } as const;
  if (image !== null) return { task: 'image-classification', ...common, image };
  if (text !== null) return { task: 'text-classification', ...common, text };
  throw new Error('This is a bug: a model takes nothing, without a problem');
}

interface Source {
  readonly location: VersionLocation;
  readonly folder: VersionFolder;
  readonly snapshots: Snapshots | undefined;
}

/** To be called when the folder was found right: the workers' copy of the model's bytes is made here. */
async function commonParts({ location, folder, snapshots }: Source, model: ModelFile) {
  const { graph, provenance } = model;
  const { inputs, outputs } = graph;
  return {
    model: location.model,
    version: location.version,
    folder: location.folder,
    modelName: model.name,
    modelFile: snapshots === undefined ? model.file : await keep(model, snapshots),
    digest: createHash('sha256').update(provenance.sha256).update(folder.digest).digest('hex'),
    inputs,
    outputs,
    provenance,
    sharesFirstAxis: sharesFirstAxis(graph),
    needsCpuKernels: needsCpuKernels(graph),
  };
}

/** Files that say what a graph's tensors mean. */
const PIPELINE_FILES = ['config.json', 'tokenizer.json', PREPROCESSOR_FILE];

/** serval.json's task, or that no file beside the graph says what it is for. */
async function isBareGraph(folder: VersionFolder, serval: ServalFile): Promise<boolean> {
  if (serval.task !== undefined) return serval.task === 'tensor';
  for (const file of PIPELINE_FILES) if ((await folder.find(file)) !== null) return false;
  return true;
}

interface BareGraph {
  readonly source: Source;
  readonly model: ModelFile;
  readonly serval: ServalFile;
  readonly goldenFile: GoldenFile | null;
  readonly problems: Problems;
}

async function tensorManifest(bareGraph: BareGraph): Promise<TensorManifest> {
  const { source, model, serval, goldenFile, problems } = bareGraph;
  if (goldenFile !== null) problems.add('golden.json', '', 'a bare graph has no labels to compare; take the file away');
  if (model.graph.outputs.length === 0) problems.add(model.name, '', 'no output of the graph is a tensor');
  problems.throwIfFound();
  const parts = await commonParts(source, model);
  const batching = parts.sharesFirstAxis ? (serval.batching ?? 'auto') : 'off';
  const executionProvider = serval.execution_provider ?? 'auto';
  return { task: 'tensor', ...parts, batching, executionProvider, golden: null };
}

/** Whether all inputs and outputs begin with one and the same open axis. */
function sharesFirstAxis({ inputs, outputs }: OnnxGraph): boolean {
  const axes = [...inputs, ...outputs].map(({ shape }) => (shape.length === 0 ? 0 : shape[0]));
  return axes.length > 0 && axes.every((axis) => typeof axis !== 'number' && axis === axes[0]);
}

/** Whether the first axis of all inputs and outputs is open; a graph of batches of exactly one runs items one by one. */
function hasDynamicBatch({ name, graph }: ModelFile, problems: Problems): boolean {
  const axes = [...graph.inputs, ...graph.outputs].map(({ shape }) => shape[0]);
  const fixed = axes.filter((axis) => typeof axis === 'number');
  const wrong = fixed.find((axis) => axis !== 1);
  if (wrong !== undefined) {
    problems.add(name, '', `its batch axis is fixed at ${wrong}; export the graph with a dynamic first axis`);
  }
  return fixed.length === 0;
}

/** serval.json's task, or what the files beside the graph are for. */
async function isImageModel(folder: VersionFolder, serval: ServalFile): Promise<boolean> {
  if (serval.task !== undefined) return serval.task === 'image-classification';
  return (await folder.find(PREPROCESSOR_FILE)) !== null;
}

interface ModelFile {
  /** Relative to the folder, and absolute. */
  readonly name: string;
  readonly file: string;
  readonly graph: OnnxGraph;
  readonly provenance: Provenance;
  /** The model file, then each external data file. */
  readonly files: readonly SnapshotFile[];
}

/** @returns the absolute path of the copy. */
async function keep({ name, files, provenance }: ModelFile, snapshots: Snapshots): Promise<string> {
  try {
    return path.join(await snapshots.keep(provenance.sha256, files), name);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
    const problem = `no private copy of it could be written (${code}); make room in the folder of SERVAL_SNAPSHOT_DIR`;
    throw new FolderError([`${name}: ${problem}`]);
  }
}

async function readModel(folder: VersionFolder, serval: ServalFile, problems: Problems): Promise<ModelFile | null> {
  const candidates = serval.model_file === undefined ? MODEL_FILES : [serval.model_file];
  for (const name of candidates) {
    const file = await folder.find(name);
    if (file === null) continue;
    const bytes = await folder.readBytes(name);
    if (bytes === null) return null;
    return inspect({ folder, serval, problems, name, file, bytes });
  }
  const [only, ...others] = serval.model_file === undefined ? await folder.list('.onnx') : [];
  const onlyFile = only === undefined || others.length > 0 ? null : await folder.find(only);
  if (only !== undefined && onlyFile !== null) {
    const bytes = await folder.readBytes(only);
    return bytes === null ? null : inspect({ folder, serval, problems, name: only, file: onlyFile, bytes });
  }
  if (serval.model_file !== undefined) problems.add('serval.json', 'model_file', `${serval.model_file} is not there`);
  else problems.add('model.onnx', '', `is not there (nor ${MODEL_FILES.slice(1).join(', ')})`);
  return null;
}

interface Inspection {
  readonly folder: VersionFolder;
  readonly serval: ServalFile;
  readonly problems: Problems;
  readonly name: string;
  readonly file: string;
  readonly bytes: Uint8Array;
}

async function inspect(inspection: Inspection): Promise<ModelFile | null> {
  const { folder, serval, problems, name, file, bytes } = inspection;
  const whole = new SlicedHash();
  await whole.update(bytes);
  const files: SnapshotFile[] = [{ name, bytes }];
  let fileBytes = bytes.byteLength;
  // Of the state so far: the model's bytes are hashed once for both.
  checkHash(inspection, name, whole.digest());
  let graph: OnnxGraph;
  try {
    graph = readOnnxGraph(bytes);
  } catch (error) {
    if (!(error instanceof OnnxFormatError)) throw error;
    problems.add(name, '', error.message);
    return null;
  }
  for (const external of graph.externalDataFiles) {
    const besideModel = name.includes('/') ? `${name.slice(0, name.lastIndexOf('/'))}/${external}` : external;
    const data = await folder.readBytes(besideModel);
    if (data === null) {
      problems.add(name, '', `its weights file ${external} cannot be read from the version’s folder`);
      continue;
    }
    checkHash(inspection, besideModel, await sha256Of(data));
    await whole.update(data);
    files.push({ name: besideModel, bytes: data });
    fileBytes += data.byteLength;
  }
  return {
    name,
    file,
    graph,
    files,
    provenance: {
      sha256: whole.digest(),
      fileBytes,
      description: serval.description ?? null,
      licence: serval.licence ?? null,
      source: serval.source ?? null,
      metrics: serval.metrics ?? {},
    },
  };
}

function checkHash({ serval, problems }: Inspection, name: string, found: string): void {
  const expected = serval.sha256?.[name];
  if (expected !== undefined && found !== expected) {
    problems.add(name, '', `its SHA-256 is ${found}, serval.json says ${expected}: the file was changed or damaged`);
  }
}

async function readGolden(
  file: GoldenFile,
  { serval, folder, problems }: { serval: ServalFile; folder: VersionFolder; problems: Problems },
): Promise<Golden> {
  const samples: Golden['samples'][number][] = [];
  for (const [index, { input, scores }] of file.samples.entries()) {
    if (typeof input === 'string') {
      samples.push({ input: { text: input }, scores });
      continue;
    }
    const imageFile = await folder.find(input.image);
    if (imageFile === null) problems.add('golden.json', `samples.${index}.input.image`, `${input.image} is not there`);
    else samples.push({ input: { imageFile }, scores });
  }
  return { reference: file.reference, tolerance: serval.tolerance ?? file.tolerance, samples };
}

function checkScores(golden: Golden, labels: number, problems: Problems): void {
  for (const [index, { scores }] of golden.samples.entries()) {
    if (scores.length === labels) continue;
    problems.add('golden.json', `samples.${index}.scores`, `has ${scores.length} scores for ${labels} labels`);
  }
}

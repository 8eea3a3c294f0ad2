import type { TensorInfo } from '../tensor.ts';
import {
  type ModelConfig,
  type TokenizerConfig,
  type TokenizerFile,
  tokenizerConfigSchema,
  tokenizerSchema,
} from './hugging-face-files.ts';
import type { TextInput } from './manifest.ts';
import type { OnnxGraph } from './onnx-graph.ts';
import type { Problems } from './problems.ts';
import type { VersionFolder } from './version-folder.ts';

interface Sources {
  readonly config: ModelConfig;
  readonly graph: OnnxGraph;
  /** As the folder names it, for messages. */
  readonly modelFile: string;
  readonly problems: Problems;
}

/** Model types whose first position is pad_token_id + 1, so that the table holds that many positions fewer. */
const OFFSET_POSITIONS = new Set(['roberta', 'xlm-roberta', 'camembert', 'xlm-roberta-xl', 'data2vec-text', 'mpnet']);

/** Used where no file names a limit; long enough for a page, short enough for the memory of a worker. */
const DEFAULT_MAX_TOKENS = 512;

/** The tokenizer files and the graph's text inputs; null (and problems) where they do not make a text model. */
export async function readTextInput(folder: VersionFolder, sources: Sources): Promise<TextInput | null> {
  const { config, graph, problems } = sources;
  const before = problems.lines.length;
  const tokenizer = await folder.readJson('tokenizer.json', tokenizerSchema);
  const tokenizerConfig = (await folder.readJson('tokenizer_config.json', tokenizerConfigSchema)) ?? {};
  if (tokenizer === null && problems.lines.length === before) {
    problems.add(
      'tokenizer.json',
      '',
      'is not there; a text model needs it (save_pretrained of a fast tokenizer writes it)',
    );
  }
  const inputNames = findInputs(sources);
  if (tokenizer === null || inputNames === null) return null;
  const sequenceAxis = graph.inputs.find(({ name }) => name === inputNames.ids)?.shape[1];
  const fixedLength = typeof sequenceAxis === 'number' ? sequenceAxis : null;
  return {
    tokenizer,
    tokenizerConfig,
    maxTokens: maxTokens({ config, tokenizer, tokenizerConfig, fixedLength }),
    truncationSide: tokenizerConfig.truncation_side ?? 'right',
    paddingSide: tokenizerConfig.padding_side ?? 'right',
    padId: tokenizer.padding?.pad_id ?? config.pad_token_id ?? 0,
    padTypeId: tokenizer.padding?.pad_type_id ?? 0,
    fixedLength,
    inputNames,
  };
}

function findInputs({ graph, modelFile, problems }: Sources): TextInput['inputNames'] | null {
  const byName = new Map(graph.inputs.map((input) => [input.name, input]));
  // A graph with one input of ids may call it as it likes, as Keras exports do.
  const ids = byName.get('input_ids') ?? (graph.inputs.length === 1 ? graph.inputs[0] : undefined);
  const known = [ids?.name, 'attention_mask', 'token_type_ids'];
  const strange = graph.inputs.filter((input) => !known.includes(input.name) || !isIdTensor(input));
  if (ids === undefined) problems.add(modelFile, 'input_ids', 'the graph has no such input; a text model needs it');
  for (const { name, dataType, shape } of strange) {
    problems.add(modelFile, name, `a text model cannot fill this input: ${dataType}[${shape.join(', ')}]`);
  }
  if (ids === undefined || strange.length > 0) return null;
  return {
    ids: ids.name,
    attentionMask: byName.has('attention_mask') ? 'attention_mask' : null,
    tokenTypeIds: byName.has('token_type_ids') ? 'token_type_ids' : null,
  };
}

function isIdTensor({ dataType, shape }: TensorInfo): boolean {
  return (dataType === 'int64' || dataType === 'int32') && shape.length === 2;
}

interface Limits {
  readonly config: ModelConfig;
  readonly tokenizer: TokenizerFile;
  readonly tokenizerConfig: TokenizerConfig;
  readonly fixedLength: number | null;
}

/** The smallest limit that any file names. */
function maxTokens({ config, tokenizer, tokenizerConfig, fixedLength }: Limits): number {
  const offset = OFFSET_POSITIONS.has(config.model_type ?? '') ? (config.pad_token_id ?? 1) + 1 : 0;
  const positions = config.max_position_embeddings;
  const limits = [
    positions === undefined ? undefined : positions - offset,
    tokenizerConfig.model_max_length,
    fixedLength ?? undefined,
  ].filter((limit) => limit !== undefined && limit < 1e6);
  if (limits.length === 0) return tokenizer.truncation?.max_length ?? DEFAULT_MAX_TOKENS;
  return Math.min(...limits.map(Number));
}

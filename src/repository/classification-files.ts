import type { TensorInfo } from '../tensor.ts';
import type { ModelConfig } from './hugging-face-files.ts';
import type { Activation, Classification } from './manifest.ts';
import type { OnnxGraph } from './onnx-graph.ts';
import type { Problems } from './problems.ts';
import type { ServalFile } from './serval-files.ts';

interface Sources {
  readonly config: ModelConfig;
  readonly serval: ServalFile;
  readonly graph: OnnxGraph;
  /** As the folder names it, for messages. */
  readonly modelFile: string;
  readonly problems: Problems;
}

/** The labels and the function that makes scores of the graph's output; null (and problems) where they contradict. */
export function readClassification(sources: Sources): Classification | null {
  const { config, serval, graph, modelFile, problems } = sources;
  const output = findOutput(graph);
  if (output === null) {
    const shapes = graph.outputs.map(({ name, dataType, shape }) => `${name} ${dataType}[${shape.join(', ')}]`);
    problems.add(modelFile, '', `no output is float32 [batch, labels]; it has ${shapes.join(' and ') || 'none'}`);
    return null;
  }
  const width = output.shape.at(-1);
  const labels = readLabels(config, typeof width === 'number' ? width : null, problems);
  if (labels === null) return null;
  const graphActivation = activationOf(graph.outputOperators.get(output.name));
  return {
    labels,
    output: output.name,
    graphActivation,
    activation: graphActivation === null ? defaultActivation(config, width, labels) : 'none',
    temperature: serval.temperature ?? 1,
  };
}

/** The output called logits, or the first float32 one with two axes. */
function findOutput(graph: OnnxGraph): TensorInfo | null {
  const usable = graph.outputs.filter(({ dataType, shape }) => dataType === 'float32' && shape.length === 2);
  return usable.find(({ name }) => name === 'logits') ?? usable[0] ?? null;
}

/** A graph whose last operator is Softmax or Sigmoid gives scores already; applying the function again would flatten them. */
function activationOf(operator: string | undefined): 'softmax' | 'sigmoid' | null {
  if (operator === 'Softmax') return 'softmax';
  return operator === 'Sigmoid' ? 'sigmoid' : null;
}

/** As Hugging Face's text-classification pipeline chooses. */
function defaultActivation(
  config: ModelConfig,
  width: number | string | null | undefined,
  labels: readonly string[],
): Activation {
  if (config.problem_type === 'regression') return 'none';
  const singleLogit = width === 1 || labels.length === 1;
  return singleLogit || config.problem_type === 'multi_label_classification' ? 'sigmoid' : 'softmax';
}

/** id2label as a list; Hugging Face's own LABEL_0 … where there is none. A graph with one logit may have two labels. */
function readLabels(config: ModelConfig, width: number | null, problems: Problems): string[] | null {
  const { id2label } = config;
  if (id2label === undefined) {
    if (width !== null) return Array.from({ length: width }, (_, id) => `LABEL_${id}`);
    problems.add('config.json', 'id2label', 'is missing, and the graph does not say how many labels it has');
    return null;
  }
  const count = Object.keys(id2label).length;
  const labels: string[] = [];
  for (let id = 0; id < count; id++) {
    const label = id2label[String(id)];
    if (label === undefined) {
      problems.add('config.json', 'id2label', `has ${count} labels but no id ${id}; ids must run from 0 without a gap`);
      return null;
    }
    labels.push(label);
  }
  if (width !== null && width !== count && !(width === 1 && count === 2)) {
    problems.add('config.json', 'id2label', `has ${count} labels, the graph’s output has ${width}`);
    return null;
  }
  return labels;
}

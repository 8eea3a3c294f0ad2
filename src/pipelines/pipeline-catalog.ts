import { type Manifest, versionKey } from '../repository/manifest.ts';
import { ImageClassification } from './image-classification.ts';
import type { Pipeline } from './pipeline.ts';
import { TextClassification } from './text-classification.ts';

/** The pipeline of each version. */
export class PipelineCatalog {
  readonly #pipelines = new Map<string, Pipeline>();

  /** @throws Error with what keeps the version from being served. */
  add(manifest: Manifest): Pipeline {
    const pipeline = createPipeline(manifest);
    this.#pipelines.set(versionKey(manifest), pipeline);
    return pipeline;
  }

  of(manifest: Manifest): Pipeline {
    const pipeline = this.#pipelines.get(versionKey(manifest));
    if (pipeline === undefined) throw new Error(`This is a bug: ${versionKey(manifest)} has no pipeline`);
    return pipeline;
  }
}

function createPipeline(manifest: Manifest): Pipeline {
  switch (manifest.task) {
    case 'text-classification':
      return new TextClassification(manifest);
    case 'image-classification':
      return new ImageClassification(manifest);
  }
}

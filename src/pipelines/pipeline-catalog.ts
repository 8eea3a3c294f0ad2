import { type ClassifierManifest, type Manifest, versionKey } from '../repository/manifest.ts';
import { ImageClassification } from './image-classification.ts';
import type { Pipeline } from './pipeline.ts';
import { TextClassification } from './text-classification.ts';

/** The pipeline of each version. */
export class PipelineCatalog {
  readonly #pipelines = new Map<string, Pipeline>();

  /**
   * @returns null for a bare graph, which has none.
   * @throws Error with what keeps the version from being served.
   */
  add(manifest: Manifest): Pipeline | null {
    if (manifest.task === 'tensor') return null;
    const pipeline = createPipeline(manifest);
    this.#pipelines.set(versionKey(manifest), pipeline);
    return pipeline;
  }

  remove(manifest: Manifest): void {
    this.#pipelines.delete(versionKey(manifest));
  }

  /** Null for a bare graph. */
  of(manifest: Manifest): Pipeline | null {
    if (manifest.task === 'tensor') return null;
    const pipeline = this.#pipelines.get(versionKey(manifest));
    if (pipeline === undefined) throw new Error(`This is a bug: ${versionKey(manifest)} has no pipeline`);
    return pipeline;
  }
}

function createPipeline(manifest: ClassifierManifest): Pipeline {
  switch (manifest.task) {
    case 'text-classification':
      return new TextClassification(manifest);
    case 'image-classification':
      return new ImageClassification(manifest);
  }
}
